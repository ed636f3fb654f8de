import type { Registry } from 'prom-client';
import { agentVersion, compareAgentVersions } from '../domain/agent-version.ts';
import { oldestSupportedMajor } from '../domain/support.ts';
import type { Census } from '../service/census-view.ts';
import type { Fleet } from '../service/fleet.ts';
import type { State } from '../service/state.ts';
import { gauge } from './scraped.ts';

export interface FleetSources {
  state: Pick<State, 'peek'>;
  fleet: Pick<Fleet, 'censuses'>;
}

/** Versions of a channel that get a series of their own; the others are counted together as `other`. */
const TOP_VERSIONS = 20;

/** The agents of each channel, and the evidence about them. */
export function watchFleet(registers: Registry[], { state, fleet }: FleetSources): void {
  const read = createReader(fleet);

  gauge(registers, 'fairway_channel_agents', 'Enrolled agents by version', ['channel', 'version'], async () =>
    (await read()).flatMap(topVersions),
  );
  gauge(registers, 'fairway_channel_oldest_agent_info', 'The oldest enrolled agent', ['channel', 'version'], async () =>
    (await read()).flatMap(({ channel, oldest }) => (oldest ? [[{ channel, version: oldest.version }, 1]] : [])),
  );
  for (const [name, help, count] of COUNTS) {
    gauge(registers, name, help, ['channel'], async () =>
      (await read()).map((census) => [{ channel: census.channel }, count(census)]),
    );
  }
  gauge(
    registers,
    'fairway_channel_converged_ratio',
    'Share of the agents that run the target and are not cut off by their control plane',
    ['channel'],
    async () =>
      (await read()).flatMap(({ channel, agents, distance }) =>
        agents === 0 ? [] : [[{ channel }, (distance?.atTarget ?? 0) / agents]],
      ),
  );
  gauge(
    registers,
    'fairway_channel_agents_out_of_support',
    'Enrolled agents below the support window',
    ['channel'],
    async () => {
      const oldest = oldestSupportedMajor(state.peek()?.releases ?? new Map());
      if (oldest === null) return [];
      return (await read()).map(({ channel, versions }) => {
        const below = versions.filter(({ version }) => (agentVersion(version)?.major ?? 0) < oldest);
        return [{ channel }, below.reduce((sum, { count }) => sum + count, 0)];
      });
    },
  );
  watchEvidence(registers, read);
}

/** Counts of a channel's agents, a series for each channel. */
const COUNTS: [name: string, help: string, count: (census: Census) => number][] = [
  ['fairway_channel_stranded_agents', 'Enrolled agents that the present target strands', ({ stranded }) => stranded],
  [
    'fairway_channel_cut_off_agents',
    "Enrolled agents that the channel's control plane refuses where it was reported",
    ({ cutOff }) => cutOff,
  ],
  [
    'fairway_channel_contested_agents',
    'Enrolled agents that go back and forth between versions',
    ({ contested }) => contested,
  ],
  ['fairway_channel_reverted_agents', 'Enrolled agents that went back by themselves', ({ reverted }) => reverted],
  [
    'fairway_channel_unmanaged_agents',
    "Connected agents of the channel's cluster without an updater",
    ({ unmanaged }) => unmanaged,
  ],
  ['fairway_channel_expired_agents', 'Instances that had expired when they were listed', ({ expired }) => expired],
  [
    'fairway_channel_unenrolled_agents',
    'Agents that check in without an enrolment token',
    ({ unenrolled }) => unenrolled,
  ],
  [
    'fairway_census_complete',
    'Were all check-ins counted, none refused or dropped because they were too many?',
    ({ uncounted }) => (uncounted.length === 0 ? 1 : 0),
  ],
];

/** What is asked of each source, 1 for yes. */
const QUESTIONS: [name: string, help: string, is: (source: Census['sources'][number]) => boolean][] = [
  [
    'fairway_evidence_fresh',
    'Is the source fresh enough to be a reason why a target is allowed?',
    ({ fresh }) => fresh,
  ],
  [
    'fairway_evidence_settling',
    'Has the source fewer agents than before, and nothing has confirmed it yet?',
    ({ settling }) => settling !== null,
  ],
  ['fairway_evidence_failing', 'Does reading the source fail now?', ({ failing }) => failing !== null],
];

function watchEvidence(registers: Registry[], read: () => Promise<readonly Census[]>): void {
  const labels: ('channel' | 'source')[] = ['channel', 'source'];
  const age = 'Time since the moment that a source describes, or since the last check-in';
  gauge(registers, 'fairway_evidence_age_seconds', age, labels, async () =>
    (await read()).flatMap(({ channel, sources }) =>
      sources.flatMap(({ source, age }): [{ channel: string; source: string }, number][] =>
        age === null ? [] : [[{ channel, source }, age]],
      ),
    ),
  );
  for (const [name, help, is] of QUESTIONS) {
    gauge(registers, name, help, labels, async () =>
      (await read()).flatMap(({ channel, sources }) =>
        sources.map((source): [{ channel: string; source: string }, number] => [
          { channel, source: source.source },
          is(source) ? 1 : 0,
        ]),
      ),
    );
  }
}

/** Lets all gauges of one scrape share one reading of the censuses, which is empty while the store is away. */
function createReader(fleet: Pick<Fleet, 'censuses'>): () => Promise<readonly Census[]> {
  let censuses: Promise<readonly Census[]> | null = null;
  return () => {
    censuses ??= fleet.censuses().catch(() => []);
    setImmediate(() => {
      censuses = null;
    });
    return censuses;
  };
}

function topVersions(census: Census): [{ channel: string; version: string }, number][] {
  const { channel } = census;
  const byCount = [...census.versions].sort((a, b) => b.count - a.count || compareAgentVersions(b.version, a.version));
  const rest = byCount.slice(TOP_VERSIONS).reduce((sum, { count }) => sum + count, 0);
  const top = byCount
    .slice(0, TOP_VERSIONS)
    .map(({ version, count }): [{ channel: string; version: string }, number] => [{ channel, version }, count]);
  const others: [string, number][] = [
    ['other', rest],
    ['unreadable', census.unreadable],
  ];
  return [
    ...top,
    ...others.flatMap(([version, count]): typeof top => (count > 0 ? [[{ channel, version }, count]] : [])),
  ];
}
