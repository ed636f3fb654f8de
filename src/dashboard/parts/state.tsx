import type { Channel, Critical, Pin } from '../../domain/channel.ts';
import { who } from '../../domain/words.ts';
import { clock, Moment } from './moment.tsx';

/** Marks of a channel, beside its name. */
export function Marks({ channel: { critical, pin, target, lineage } }: { channel: Channel }) {
  return (
    <>
      {target === null && <span class="mark warn">{lineage.length === 0 ? 'no target yet' : 'withdrawn'}</span>}
      {critical && <span class="mark bad">critical</span>}
      {pin && <span class="mark">pinned</span>}
    </>
  );
}

/** Who pinned a channel or marked it critical, why, and until when. */
export function MarkDetail({ name, mark, now }: { name: string; mark: Pin | Critical | null; now: Date }) {
  if (!mark) return null;
  return (
    <p class="mark-detail">
      <b>{name}</b> by {who(mark.by)} <Moment at={mark.at} now={now} />
      {mark.until ? (
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
  target === null ? <span class="target none">none</span> : <span class="target">{target}</span>;
