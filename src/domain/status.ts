import { type Channel, describeHold, isHaltedByWatch, withdrawnAt } from './channel.ts';
import type { EvidenceSummary } from './compatibility.ts';
import { compareNames } from './natural-order.ts';
import type { Promotion } from './promotion.ts';
import type { Catalogue } from './release.ts';
import type { Rollout } from './rollout.ts';
import { describeScheduled } from './schedule.ts';
import { clock, count, who } from './words.ts';

/** `bad`: agents are in danger or cannot be steered; `warn`: a person should look; `note`: set on purpose. */
export const SEVERITIES = ['bad', 'warn', 'note'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Everything that may be wrong or worth knowing, the worst first. */
export const TROUBLES = [
  ...(['store', 'rollout_halted', 'strands', 'cut_off', 'pulled_release'] as const),
  ...(['census_incomplete', 'evidence_failing'] as const),
  ...(['promotion_halted', 'schedule_failed', 'held', 'withdrawn', 'control_plane_unknown', 'evidence_old'] as const),
  ...([
    'evidence_settling',
    'reverted',
    'contested',
    'unreadable',
    'critical',
    'pinned',
    'rollout_paused',
    'frozen',
  ] as const),
] as const;
export type TroubleKind = (typeof TROUBLES)[number];

/** One thing that is wrong, and where. */
export interface Trouble {
  kind: TroubleKind;
  severity: Severity;
  /** Null where it is about no single channel. */
  channel: string | null;
  /** The release, for a promotion. */
  release: string | null;
  /** How many agents are concerned; null if it is not about agents. */
  agents: number | null;
  /** What is wrong and what to do, in a sentence. */
  detail: string;
}

/** Troubles of one kind. */
export interface TroubleGroup {
  kind: TroubleKind;
  severity: Severity;
  /** What is wrong and how often, in a few words. */
  headline: string;
  troubles: Trouble[];
}

/** What a census says of a channel, as far as it is looked at here. */
export interface CountedChannel {
  channel: string;
  stranded: number;
  cutOff: number;
  versions: readonly { version: string; count: number }[];
  unreadable: number;
  contested: number;
  reverted: number;
  uncounted: readonly string[];
  sources: readonly Pick<EvidenceSummary, 'source' | 'complete' | 'fresh' | 'settling' | 'failing'>[];
}

/** Everything that troubles are found in. */
export interface StatusFacts {
  /** What is wrong with the store, in a sentence; null if all is well. */
  store: string | null;
  channels: Iterable<Channel>;
  /** The present time. */
  at: Date;
  /** The freezes of all channels that hold, each in a sentence. */
  freezes: readonly string[];
  /** By channel; null while the store is away. */
  censuses: ReadonlyMap<string, CountedChannel> | null;
  controlPlanes: ReadonlyMap<string, unknown>;
  releases: Catalogue;
  promotions: ReadonlyMap<string, Promotion>;
}

type Found = Pick<Trouble, 'kind' | 'detail'> & Partial<Trouble>;

/** What is wrong and what is worth knowing, the worst first; within a kind, most agents first. */
export function findTroubles(facts: StatusFacts): Trouble[] {
  const { store, channels, freezes, censuses, releases, promotions } = facts;
  const found: Found[] = [
    ...(store === null ? [] : [{ kind: 'store' as const, detail: store }]),
    ...freezes.map((detail) => ({ kind: 'frozen' as const, detail })),
    ...[...promotions.values()].flatMap((promotion) => findHalts(promotion, releases)),
    ...[...channels].flatMap((channel) => {
      const census = censuses?.get(channel.name);
      const all = [...findOwn(channel, facts), ...(census ? findInCensus(channel, census, releases) : [])];
      return all.map((each) => ({ ...each, channel: channel.name }));
    }),
  ];
  return found
    .map((each) => ({ severity: KINDS[each.kind].severity, channel: null, release: null, agents: null, ...each }))
    .sort(worstFirst);
}

const rank = ({ kind }: Pick<Trouble, 'kind'>): number => TROUBLES.indexOf(kind);

const nameOf = ({ channel, release }: Trouble): string => channel ?? release ?? '';

const worstFirst = (a: Trouble, b: Trouble): number =>
  rank(a) - rank(b) || (b.agents ?? 0) - (a.agents ?? 0) || compareNames(nameOf(a), nameOf(b));

/** Troubles by kind; `troubles` are in the order of `findTroubles`. */
export function groupTroubles(troubles: readonly Trouble[]): TroubleGroup[] {
  return TROUBLES.flatMap((kind) => {
    const those = troubles.filter((each) => each.kind === kind);
    const [first] = those;
    if (!first) return [];
    const { severity, headline } = KINDS[kind];
    const agents = those.reduce((sum, each) => sum + (each.agents ?? 0), 0);
    const where = those.length === 1 ? nameOf(first) : count(those.length, first.release ? 'promotion' : 'channel');
    return [{ kind, severity, headline: headline(where, agents, those.length > 1), troubles: those }];
  });
}

/** Orders channels by their worst trouble, then by the agents that it concerns, then by name. */
export function byTrouble(troubles: readonly Trouble[]): (a: { name: string }, b: { name: string }) => number {
  const worst = new Map<string, number>();
  for (const [index, { channel }] of troubles.entries()) {
    if (channel !== null && !worst.has(channel)) worst.set(channel, index);
  }
  const place = ({ name }: { name: string }) => worst.get(name) ?? troubles.length;
  return (a, b) => place(a) - place(b) || compareNames(a.name, b.name);
}

interface Kind {
  severity: Severity;
  /** `where` is a name, or how many there are; `many` says which. */
  headline: (where: string, agents: number, many: boolean) => string;
}

const agentsOf = (agents: number, where: string) => `${count(agents, 'agent')} of ${where}`;

const KINDS: Record<TroubleKind, Kind> = {
  store: { severity: 'bad', headline: () => 'the store is in trouble' },
  // A release is hurting agents now, while those below may have been in trouble for long.
  rollout_halted: {
    severity: 'bad',
    headline: (where, _, many) => `the ${many ? 'rollouts' : 'rollout'} of ${where} ${many ? 'are' : 'is'} halted`,
  },
  strands: {
    severity: 'bad',
    headline: (where, agents, many) => `${where} ${many ? 'strand' : 'strands'} ${count(agents, 'agent')}`,
  },
  cut_off: {
    severity: 'bad',
    headline: (where, agents, many) =>
      `the control ${many ? 'planes' : 'plane'} of ${where} ${many ? 'cut' : 'cuts'} off ${count(agents, 'agent')}`,
  },
  pulled_release: {
    severity: 'bad',
    headline: (where, agents) => `${agentsOf(agents, where)} still ${agents === 1 ? 'runs' : 'run'} a pulled release`,
  },
  census_incomplete: { severity: 'bad', headline: (where) => `the census of ${where} is incomplete` },
  evidence_failing: { severity: 'bad', headline: (where) => `a source of ${where} cannot be read` },
  promotion_halted: {
    severity: 'warn',
    headline: (where, _, many) => (many ? `${where} are halted` : `the promotion of ${where} is halted`),
  },
  schedule_failed: {
    severity: 'warn',
    headline: (where, _, many) =>
      many
        ? `scheduled changes of ${where} were not carried out`
        : `a scheduled change of ${where} was not carried out`,
  },
  held: { severity: 'warn', headline: (where, _, many) => `${where} ${many ? 'are' : 'is'} held` },
  withdrawn: { severity: 'warn', headline: (where, _, many) => `${where} ${many ? 'have' : 'has'} no target` },
  control_plane_unknown: { severity: 'warn', headline: (where) => `the control plane of ${where} is not known` },
  evidence_old: { severity: 'warn', headline: (where) => `the evidence of ${where} is too old` },
  evidence_settling: { severity: 'warn', headline: (where) => `the evidence of ${where} is settling` },
  reverted: { severity: 'warn', headline: (where, agents) => `${agentsOf(agents, where)} went back by themselves` },
  contested: {
    severity: 'warn',
    headline: (where, agents) => `${agentsOf(agents, where)} ${agents === 1 ? 'goes' : 'go'} back and forth`,
  },
  unreadable: {
    severity: 'warn',
    headline: (where, agents) => `the version of ${agentsOf(agents, where)} cannot be read`,
  },
  critical: { severity: 'note', headline: (where, _, many) => `${where} ${many ? 'are' : 'is'} critical` },
  pinned: { severity: 'note', headline: (where, _, many) => `${where} ${many ? 'are' : 'is'} pinned` },
  rollout_paused: {
    severity: 'note',
    headline: (where, _, many) => `the ${many ? 'rollouts' : 'rollout'} of ${where} ${many ? 'are' : 'is'} paused`,
  },
  frozen: { severity: 'note', headline: () => 'all channels are frozen' },
};

function findHalts({ version, stages, agents = {} }: Promotion, releases: Catalogue): Found[] {
  const release = releases.get(version);
  // A pulled release goes nowhere, and one that the caller may not see is not there.
  if (!release || release.pulled) return [];
  const halves = [
    ...Object.entries(stages).map(([name, progress]) => ({ what: `stage ${name} was`, ...progress })),
    ...Object.entries(agents).map(([name, progress]) => ({ what: `the agents of stage ${name} were`, ...progress })),
  ];
  return halves.flatMap(({ what, state, halted }) => {
    if (state !== 'halted') return [];
    const by = halted ? ` by ${who(halted.by)}: ${halted.reason}` : '';
    const detail = `${what} halted${by}; to go on: fairway promote resume ${version}`;
    return [{ kind: 'promotion_halted', release: version, detail }];
  });
}

/** What the channel's own document says. */
function findOwn(channel: Channel, { controlPlanes, at }: StatusFacts): Found[] {
  const { name, critical, pin, controlPlane } = channel;
  const gone = withdrawnAt(channel);
  const until = (mark: { until: string | null }) => (mark.until ? ` until ${clock(mark.until)}` : '');
  const why = (mark: { by: string; reason: string; until: string | null }) =>
    `by ${who(mark.by)}${until(mark)}: ${mark.reason}`;
  return [
    ...findStopped(channel),
    ...findScheduled(channel, at),
    ...(gone === null
      ? []
      : [
          {
            kind: 'withdrawn' as const,
            detail: `withdrawn at ${clock(gone)}; to serve: fairway roll-forward ${name} VERSION`,
          },
        ]),
    ...(controlPlane !== null && !controlPlanes.has(controlPlane)
      ? [
          {
            kind: 'control_plane_unknown' as const,
            detail: `record what it runs: fairway control-planes report ${controlPlane} VERSION`,
          },
        ]
      : []),
    ...(critical ? [{ kind: 'critical' as const, detail: why(critical) }] : []),
    ...(pin ? [{ kind: 'pinned' as const, detail: why(pin) }] : []),
  ];
}

/** Milliseconds. The leader looks every few seconds. */
const LATE = 60_000;

/** Scheduled changes that were not carried out, though no person kept them from it. */
function findScheduled({ scheduled = [] }: Channel, at: Date): Found[] {
  const failed = scheduled.flatMap((change) => {
    const { id, by, undone } = change;
    const what = `${describeScheduled(change)}, scheduled by ${who(by)}`;
    if (undone && undone.state !== 'overtaken') {
      return `${what}, was ${undone.state}: ${undone.reason}; to acknowledge it: fairway scheduled cancel ${id}`;
    }
    const isLate = !undone && at.getTime() - Date.parse(change.at) > LATE;
    return isLate ? `${what}, is due and was not carried out yet; see the log of the leader` : [];
  });
  return failed.length > 0 ? [{ kind: 'schedule_failed', detail: failed.join('; ') }] : [];
}

/** What keeps machines from moving it. A halt by the watch holds the channel as well, and is one trouble. */
function findStopped(channel: Channel): Found[] {
  const { name, progress } = channel;
  const detail = describeHold(channel);
  const byWatch = isHaltedByWatch(channel);
  const held: Found[] = detail === null ? [] : [{ kind: byWatch ? 'rollout_halted' : 'held', detail }];
  if (progress?.state === 'paused') return [...held, findPaused(name, progress)];
  if (progress?.state !== 'halted') return held;
  const by = progress.halted ? ` by ${who(progress.halted.by)}: ${progress.halted.reason}` : '';
  const next = `see: fairway rollout ${name}; to go back: fairway rollout roll-back ${name}; to go on: fairway rollout resume ${name}`;
  return [
    { kind: 'rollout_halted', detail: `the rollout to ${progress.to} was halted${by}; ${next}` },
    ...(byWatch ? [] : held),
  ];
}

function findPaused(name: string, { to, paused }: Rollout): Found {
  const by = paused ? ` by ${who(paused.by)}: ${paused.reason}` : '';
  const detail = `the rollout to ${to} was paused${by}; to go on: fairway rollout resume ${name}`;
  return { kind: 'rollout_paused', detail };
}

/** What its agents and the sources about them say. */
function findInCensus({ name, target, controlPlane }: Channel, census: CountedChannel, releases: Catalogue): Found[] {
  const { stranded, cutOff, unreadable, contested, reverted, uncounted } = census;
  const about = (kind: TroubleKind, agents: number, detail: string): Found[] =>
    agents > 0 ? [{ kind, agents, detail }] : [];
  const pulled = census.versions.filter(({ version }) => releases.get(version)?.pulled);
  const onPulled = pulled.reduce((sum, each) => sum + each.count, 0);
  return [
    ...about('strands', stranded, `${target} cannot be reached in one step by them; see: fairway census ${name}`),
    ...about(
      'cut_off',
      cutOff,
      `${controlPlane} refuses them at their version; roll ${name} forward, or take ${controlPlane} back: fairway control-planes check ${controlPlane} VERSION`,
    ),
    ...about(
      'pulled_release',
      onPulled,
      `${pulled.map(({ version }) => version).join(', ')}; see: fairway agents -c ${name}`,
    ),
    ...(uncounted.length > 0
      ? [{ kind: 'census_incomplete' as const, detail: 'the census of the fleet is full; raise fleet.maxAgents' }]
      : []),
    ...findDoubtful(name, census),
    ...about('reverted', reverted, `find them with: fairway agents -c ${name} --mark reverted`),
    ...about('contested', contested, `find them with: fairway agents -c ${name} --mark contested`),
    ...about('unreadable', unreadable, `find them with: fairway agents -c ${name} --version '?'`),
  ];
}

function findDoubtful(name: string, { sources }: CountedChannel): Found[] {
  const complete = sources.filter((each) => each.complete);
  const stale = complete.length > 0 && !complete.some(({ fresh }) => fresh);
  return [
    ...sources.flatMap(({ source, failing }): Found[] =>
      failing
        ? [{ kind: 'evidence_failing', detail: `${source}, since ${clock(failing.since)}: ${failing.fault}` }]
        : [],
    ),
    ...(stale ? [{ kind: 'evidence_old' as const, detail: `renew it; see: fairway evidence ${name}` }] : []),
    ...sources.flatMap(({ source, settling }): Found[] =>
      settling
        ? [
            {
              kind: 'evidence_settling',
              detail: `${source} fell from ${settling.from} to ${settling.to}; see: fairway evidence ${name}`,
            },
          ]
        : [],
    ),
  ];
}
