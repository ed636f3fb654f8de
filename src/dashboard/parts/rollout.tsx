import type { Child } from 'hono/jsx';
import { type Actor, may } from '../../domain/role.ts';
import { isMoving, isUnfinished } from '../../domain/rollout.ts';
import type { RolloutGroup } from '../../domain/rollout-settings.ts';
import { count, who } from '../../domain/words.ts';
import type { PresentChannel } from '../../service/channels.ts';
import type { GroupView, RolloutVerb, RolloutView } from '../../service/rollouts.ts';
import { ROLLOUT_FORMS } from '../rollout-verbs.ts';
import { describeGroup } from '../rollout-words.ts';
import { Moment } from './moment.tsx';
import { Next } from './release-outcome.tsx';
import { GroupBar, GroupLegend } from './rollout-bar.tsx';
import { maybeVersion, Version } from './version.tsx';
import { channelPath, spaced } from './words.ts';

const TONE: Partial<Record<GroupView['state'] | RolloutView['state'], string>> = {
  unstarted: 'still',
  halted: 'bad',
  paused: 'warn',
  rolledback: 'bad',
};

/** The state of a rollout or of a group. */
export const StateMark = ({ state }: { state: GroupView['state'] | RolloutView['state'] }) => (
  <span class={`mark ${TONE[state] ?? ''}`}>{state === 'rolledback' ? 'rolled back' : spaced(state)}</span>
);

interface RolloutProps {
  channel: PresentChannel;
  /** Null if the channel has had no rollout, or while the store is away. */
  rollout: RolloutView | null;
  actor: Actor;
  now: Date;
}

/**
 * A channel's way to its target: its groups in order, with what each waits for. Nothing for a channel without groups.
 */
export function RolloutSection({ channel, rollout, actor, now }: RolloutProps) {
  if (!channel.rollout) return null;
  if (rollout) return <Running {...{ channel, rollout, actor, now }} />;
  const { groups } = channel.rollout;
  const isAway = Boolean(channel.progress);
  return (
    <section class="panel" id="rollout">
      <div class="heading">
        <h2>Rollout</h2>
        <p class="muted">{count(groups.length, 'group')}</p>
      </div>
      <p>
        {isAway
          ? 'How far it is, is unknown while the store is away.'
          : 'None so far: roll the channel forward, and the groups follow in this order.'}
      </p>
      <ol class="stages">
        {groups.map((group) => (
          <li class="stage">
            <h3>{group.name}</h3>
            <p class="muted">{describeGroup(group)}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Running({ channel, rollout, actor, now }: RolloutProps & { rollout: RolloutView }) {
  const { from, to, state, startedAt, startedBy, reason, halted, paused, groups, next } = rollout;
  const stopped = halted ?? paused;
  const current = isUnfinished(rollout) ? groups.find((group) => group.state !== 'done')?.name : undefined;
  const settings = new Map(channel.progress?.groups.map((group) => [group.settings.name, group.settings]));
  return (
    <section class="panel" id="rollout">
      <div class="heading">
        <h2>
          Rollout to <Version version={to} />
        </h2>
        <StateMark state={state} />
        <p class="muted">
          from {from === null ? 'none' : maybeVersion(from)} by {who(startedBy)} <Moment at={startedAt} now={now} />:{' '}
          {reason}
        </p>
      </div>
      {stopped && (
        <p class={halted ? 'mark-detail bad' : 'mark-detail'}>
          <b>{halted ? 'Halted' : 'Paused'}</b> by {who(stopped.by)} <Moment at={stopped.at} now={now} />:{' '}
          {stopped.reason}
        </p>
      )}
      <Next next={next} />
      <RolloutActions {...{ channel, rollout, actor }} />
      <ol class="stages">
        {groups.map((group) => (
          <Group
            {...{ channel, group, now }}
            settings={settings.get(group.name)}
            isCurrent={group.name === current}
            mayAct={may(actor, 'steer-rollout')}
          />
        ))}
      </ol>
    </section>
  );
}

/** The verbs that make sense for the rollout as it is. */
function verbsOf({ state, from, to }: RolloutView, target: string | null): RolloutVerb[] {
  const isOpen = isUnfinished({ state });
  return [
    ...(state === 'halted' || state === 'paused' ? (['resume'] as const) : []),
    ...(isMoving({ state }) ? (['pause'] as const) : []),
    ...(from !== null && target === to && state !== 'rolledback' ? (['roll-back'] as const) : []),
    ...(isOpen && target === to ? (['reset'] as const) : []),
  ];
}

function RolloutActions({ channel, rollout, actor }: Omit<RolloutProps, 'rollout' | 'now'> & { rollout: RolloutView }) {
  const verbs = verbsOf(rollout, channel.target);
  if (verbs.length === 0 || !may(actor, 'steer-rollout')) return null;
  return (
    <nav class="actions" aria-label="Actions on the rollout">
      {verbs.map((verb) => (
        <a class="button" href={channelPath(channel.name, `/rollout/${verb}`)}>
          {ROLLOUT_FORMS[verb].title}
        </a>
      ))}
    </nav>
  );
}

/** What a person may do to a group as it is. */
const GROUP_VERBS: Record<GroupView['state'], RolloutVerb[]> = {
  unstarted: ['start'],
  canary: ['start', 'done', 'roll-back'],
  active: ['done', 'roll-back'],
  done: ['roll-back'],
  rolledback: ['reset'],
};

const GROUP_WORDS: Partial<Record<RolloutVerb, string>> = {
  start: 'Start',
  done: 'End',
  'roll-back': 'Take back',
  reset: 'Let begin again',
};

interface GroupProps {
  channel: PresentChannel;
  group: GroupView;
  settings: RolloutGroup | undefined;
  isCurrent: boolean;
  mayAct: boolean;
  now: Date;
}

function Group({ channel, group, settings, isCurrent, mayAct, now }: GroupProps) {
  const { name, state, since, wave, waitsFor } = group;
  const path = (verb: RolloutVerb) => channelPath(channel.name, `/rollout/${verb}?group=${encodeURIComponent(name)}`);
  const verbs =
    isUnfinished({ state: channel.progress?.state ?? 'done' }) || state === 'done' ? GROUP_VERBS[state] : [];
  return (
    <li class="stage" aria-current={isCurrent ? 'step' : undefined}>
      <h3>
        {name} <StateMark state={state} />
      </h3>
      <p class="muted">
        {since ? (
          <>
            since <Moment at={since} now={now} />
            {state !== 'done' && state !== 'rolledback' && `, wave ${wave} %`}
          </>
        ) : (
          'has not begun'
        )}
        {settings && ` · ${describeGroup(settings)}`}
      </p>
      {(group.agents > 0 || state !== 'unstarted') && <GroupBar group={group} />}
      <GroupLegend group={group} />
      <Canaries group={group} />
      {waitsFor && (
        <p>
          <b>Waits:</b> {waitsFor}
        </p>
      )}
      {mayAct && verbs.length > 0 && (
        <p class="actions links">
          {verbs.map((verb) => (
            <Act href={path(verb)} name={name}>
              {verb === 'start' && state === 'canary' ? 'Skip the canaries' : GROUP_WORDS[verb]}
            </Act>
          ))}
        </p>
      )}
    </li>
  );
}

const Act = ({ href, name, children }: { href: string; name: string; children?: Child }) => (
  <a href={href}>
    {children}
    <span class="visually-hidden"> {name}</span>
  </a>
);

const CANARY_TONE: Partial<Record<GroupView['canaries'][number]['state'], string>> = {
  'at-target': '',
  told: 'still',
  silent: 'warn',
  reverted: 'bad',
};

function Canaries({ group: { canaries } }: { group: GroupView }) {
  if (canaries.length === 0) return null;
  return (
    <ul class="canaries" aria-label="Canaries">
      {canaries.map(({ id, host, state }) => (
        <li>
          <span title={id}>{host ?? id}</span> <span class={`mark ${CANARY_TONE[state] ?? ''}`}>{spaced(state)}</span>
        </li>
      ))}
    </ul>
  );
}
