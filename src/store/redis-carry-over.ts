import type { Sighting, SightingSource } from '../domain/agent.ts';
import type { Store } from '../domain/store.ts';
import { type OldFleet, recordOld } from './carry-over.ts';
import { type OldSurvey, sightingOfOldForm, surveyOfOldForm } from './old-form.ts';
import { placesFrom } from './redis-batches.ts';
import type { RedisClient } from './redis-client.ts';
import { CARRIED, HEAD, OLD_SURVEYS, oldBucketKeys, oldCountsKey, PLACES, SHARDS, SURVEYS } from './redis-keys.ts';
import { pairs } from './redis-pages.ts';
import { ADVANCE, DONE, KEEP_SURVEYS, PROGRESS, READ_OLD } from './redis-scripts/carry-over.ts';
import { surveyField } from './redis-surveys.ts';

/** Buckets in one piece; at a million agents they hold some 4,000. */
const PLACES_AT_ONCE = 64;
const OLD_KEYS_LIVE = 30 * 24 * 3_600_000;

/**
 * The fleet in the keys of an older release. They are left to servers of that release, which may run beside this one
 * and count what they record among themselves; an agent that only they hear after this is known here when it polls this
 * one. They expire 30 days after they were carried over. They may be deleted as soon as no server of that release is
 * left, and none is to be started again; the marker may go with the next release that knows nothing of them.
 */
export function redisOldFleet(client: RedisClient, record: Store['recordSightings'], time: Store['time']): OldFleet {
  const read = async (keys: string[]) => ((await client.run(READ_OLD, keys, [OLD_KEYS_LIVE])) as string[][]).map(pairs);

  async function carrySurveys(): Promise<void> {
    const [old] = await read([OLD_SURVEYS]);
    // Each is stored behind its time.
    const surveys = [...(old?.values() ?? [])].map((text) =>
      surveyOfOldForm(JSON.parse(text.slice(text.indexOf(' ') + 1)) as OldSurvey),
    );
    const args = surveys.flatMap((survey) => [surveyField(survey), `0 ${JSON.stringify(survey)}`]);
    await client.run(KEEP_SURVEYS, [SURVEYS], args);
  }

  /** All that is left of old counters is their time to live. */
  const endCounts = () => Promise.all(Array.from({ length: SHARDS }, (_, shard) => read([oldCountsKey(shard)])));

  return {
    async progress() {
      const progress = (await client.run(PROGRESS, [CARRIED, HEAD])) as string;
      return progress === DONE ? null : progress;
    },

    async step(progress) {
      const first = Number(progress);
      if (first === 0) await carrySurveys();
      const places = placesFrom(first, PLACES_AT_ONCE);
      const hashes = await read(oldBucketKeys(places));
      const of = (source: SightingSource, offset: number): Sighting[] =>
        places.flatMap((_, nth) =>
          [...(hashes[2 * nth + offset] ?? [])].flatMap(([id, packed]) => sightingOfOldForm(id, source, packed) ?? []),
        );
      const old = { 'check-ins': of('check-ins', 0), inventory: of('inventory', 1) };
      if (old.inventory.length + old['check-ins'].length > 0) await recordOld(record, old, await time());
      const next = first + places.length;
      if (next >= PLACES) await endCounts();
      await client.run(ADVANCE, [CARRIED], [next < PLACES ? next : DONE]);
    },
  };
}
