import { type AuditEntry, type AuditHead, chain, GENESIS } from '../domain/audit.ts';
import type { ControlLog, FleetLimits, Store } from '../domain/store.ts';
import type { Survey } from '../domain/survey.ts';
import { carryOver } from './carry-over.ts';
import { embeddedOldFleet } from './embedded-carry-over.ts';
import { type EmbeddedFiles, openFiles } from './embedded-files.ts';
import { embeddedFleet, embeddedRecorder } from './embedded-fleet.ts';
import { embeddedLease, type IsFenced } from './embedded-lease.ts';
import { openRecords } from './embedded-records.ts';
import { embeddedSeries } from './embedded-series.ts';
import { embeddedSurveys } from './embedded-surveys.ts';

/** Opens a store in the files of `directory`, for one server without Redis. Throws `store_unavailable`. */
export function openEmbeddedStore(directory: string, limits: FleetLimits): Store {
  const files = openFiles(directory);
  const lease = embeddedLease(files);
  const records = openRecords(files);
  const surveys = files.table<Survey, string>('evidence');
  const carried = carryOver(embeddedOldFleet(files, embeddedRecorder(files, records, limits), surveys));
  return {
    kind: 'embedded',
    ...embeddedControl(files, lease.isFenced),
    ...embeddedSurveys(files, lease.isFenced, surveys),
    ...embeddedFleet(files, records, surveys, limits, carried),
    ...embeddedSeries(files, lease.isFenced),
    ...lease.verbs,
    async close() {
      const stopped = carried.close();
      await files.close();
      await stopped;
    },
  };
}

function embeddedControl(files: EmbeddedFiles, isFenced: IsFenced): ControlLog {
  const documents = files.table<{ revision: number; value: object }, string>('documents');
  const entries = files.table<AuditEntry, number>('audit');
  /** The ids of the entries by the key that they wrote. */
  const index = files.table<true, [string, number]>('audit-of-keys');
  const isHeld = ({ id, hash }: AuditHead) => id === 0 || entries.get(id)?.hash === hash;
  const head = () => entries.entries({ reverse: true, limit: 1 })[0]?.value ?? GENESIS;

  return {
    load: () =>
      files.read(() => ({
        revision: head().id,
        hash: head().hash,
        documents: documents.entries().map(({ key, value }) => ({ key, ...value })),
      })),

    revision: () => files.read(() => head().id),

    holds: (base) => files.read(() => isHeld(base)),

    commit: ({ writes, guards = [], audit, base, fence }) =>
      files.write(() => {
        if (isFenced(fence)) return { fenced: true };
        if (base && !isHeld(base)) return { lost: true };
        const seen = [...writes, ...guards];
        const conflict = seen.find(({ key, ifRevision }) => (documents.get(key)?.revision ?? 0) !== ifRevision);
        if (conflict) return { conflict: conflict.key };
        const entry = chain(head(), audit);
        for (const { key, value } of writes) {
          if (value) documents.put(key, { revision: entry.revision, value });
          else documents.remove(key);
          index.put([key, entry.id], true);
        }
        entries.put(entry.id, entry);
        return { entry };
      }),

    replication: async () => ({ wanted: 0, reached: 0 }),

    // Only this process writes these files, and it applies its own changes.
    onChange() {},

    rouse: async () => false,
    async announce() {},
    announced: async () => null,

    audit: ({ key, before = Number.MAX_SAFE_INTEGER, limit }) =>
      files.read(() => {
        if (key === undefined) {
          return entries.entries({ start: before - 1, reverse: true, limit }).map(({ value }) => value);
        }
        const ids = index.entries({ start: [key, before - 1], end: [key, 0], reverse: true, limit });
        return ids.flatMap((found) => entries.get(found.key[1]) ?? []);
      }),
  };
}
