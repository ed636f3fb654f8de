import type { Registry } from 'prom-client';
import { oldestSupportedMajor } from '../domain/support.ts';
import { compareVersions, requireVersion } from '../domain/version.ts';
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
  gauge(
    registers,
    'fairway_channel_unenrolled_agents',
    'Agents that check in without an enrolment token',
    ['channel'],
    async () => (await read()).map(({ channel, unenrolled }) => [{ channel }, unenrolled]),
  );
  gauge(
    registers,
    'fairway_channel_converged_ratio',
    'Share of the agents that run the target',
    ['channel'],
    async () =>
      (await read()).flatMap((census) => {
        const target = state.peek()?.channels.get(census.channel)?.target;
        const converged = census.versions.find(({ version }) => version === target)?.count ?? 0;
        return census.agents === 0 ? [] : [[{ channel: census.channel }, converged / census.agents]];
      }),
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
        const below = versions.filter(({ version }) => requireVersion(version).major < oldest);
        return [{ channel }, below.reduce((sum, { count }) => sum + count, 0)];
      });
    },
  );
  watchEvidence(registers, read);
}

function watchEvidence(registers: Registry[], read: () => Promise<Census[]>): void {
  const labels: ('channel' | 'source')[] = ['channel', 'source'];
  const age = 'Time since a source was read, or since the last check-in';
  gauge(registers, 'fairway_evidence_age_seconds', age, labels, async () =>
    (await read()).flatMap(({ channel, sources }) =>
      sources.flatMap(({ source, age }): [{ channel: string; source: string }, number][] =>
        age === null ? [] : [[{ channel, source }, age]],
      ),
    ),
  );
  gauge(registers, 'fairway_evidence_fresh', 'Is the source fresh enough to count as evidence?', labels, async () =>
    (await read()).flatMap(({ channel, sources }) =>
      sources.map(({ source, fresh }): [{ channel: string; source: string }, number] => [
        { channel, source },
        fresh ? 1 : 0,
      ]),
    ),
  );
}

/** Lets all gauges of one scrape share one reading of the censuses, which is empty while the store is away. */
function createReader(fleet: Pick<Fleet, 'censuses'>): () => Promise<Census[]> {
  let censuses: Promise<Census[]> | null = null;
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
  const byCount = [...census.versions].sort((a, b) => b.count - a.count || compareVersions(b.version, a.version));
  const rest = byCount.slice(TOP_VERSIONS).reduce((sum, { count }) => sum + count, 0);
  const top = byCount
    .slice(0, TOP_VERSIONS)
    .map(({ version, count }): [{ channel: string; version: string }, number] => [{ channel, version }, count]);
  return rest > 0 ? [...top, [{ channel, version: 'other' }, rest]] : top;
}
