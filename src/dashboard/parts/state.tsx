import { type Channel, type Critical, type Hold, type Pin, withdrawnAt } from '../../domain/channel.ts';
import { leadingRollout } from '../../domain/told.ts';
import { clock, count, who } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import { EvidenceMarks } from './evidence.tsx';
import { Moment } from './moment.tsx';
import { CutOffMark, StrandMark } from './stranding.tsx';
import { maybeVersion } from './version.tsx';
import { channelPath } from './words.ts';

/** Marks of a channel, beside its name; those of its agents as well where a census is at hand. */
export function Marks({ channel, census }: { channel: Channel; census?: Census | null }) {
  const { critical, pin, hold, target } = channel;
  const gone = withdrawnAt(channel);
  return (
    <>
      {target === null && gone === null && <span class="mark still">no target yet</span>}
      {gone !== null && <span class="mark warn">withdrawn</span>}
      {critical && <span class="mark">critical</span>}
      {pin && <span class="mark">pinned</span>}
      {hold && <span class="mark warn">held</span>}
      <RolloutMark channel={channel} />
      {census && <StrandMark census={census} />}
      {census && <CutOffMark census={census} />}
      {census && <EvidenceMarks census={census} />}
    </>
  );
}

/** How far the rollout that is under way has come, with a link to its groups. */
function RolloutMark({ channel }: { channel: Channel }) {
  const rollout = leadingRollout(channel);
  if (!rollout || rollout.state === 'rolledback') return null;
  const { state, groups } = rollout;
  const done = groups.filter((group) => group.state === 'done').length;
  const tone = state === 'halted' ? 'bad' : state === 'paused' ? 'warn' : '';
  const word = state === 'halted' || state === 'paused' ? `rollout ${state}` : 'rollout';
  return (
    <a class={`mark ${tone}`} href={channelPath(channel.name, '#rollout')}>
      {word}, {done} of {count(groups.length, 'group')} done
    </a>
  );
}

interface MarkDetailProps {
  name: string;
  mark: Pin | Critical | Hold | null;
  now: Date;
}

/** Who pinned a channel, held it or marked it critical, why, and until when. */
export function MarkDetail({ name, mark, now }: MarkDetailProps) {
  if (!mark) return null;
  return (
    <p class="mark-detail">
      <b>{name}</b> by {who(mark.by)} <Moment at={mark.at} now={now} />
      {'until' in mark && mark.until ? (
        <>
          {' '}
          until <time datetime={mark.until}>{clock(mark.until)}</time>
        </>
      ) : null}
      : {mark.reason}
    </p>
  );
}

/** A target, or `none`. */
export const Target = ({ target }: { target: string | null }) =>
  target === null ? <span class="target none">none</span> : <span class="target">{maybeVersion(target)}</span>;
