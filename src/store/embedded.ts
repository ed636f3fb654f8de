import {
  type AuditDraft,
  type AuditEntry,
  type AuditHead,
  chain,
  digestsInSteps,
  digestsOf,
  GENESIS,
  isAbout,
  keysOf,
  readEntry,
} from '../domain/audit.ts';
import { TORN } from '../domain/documents.ts';
import { atOnce, type Steps } from '../domain/steps.ts';
import type {
  BadDocument,
  CommitResult,
  ControlLog,
  ControlState,
  Document,
  FleetLimits,
  Guard,
  Store,
  Write,
} from '../domain/store.ts';
import type { Survey } from '../domain/survey.ts';
import { inOwnTurns } from '../process/turns.ts';
import { carryOver } from './carry-over.ts';
import { embeddedOldFleet } from './embedded-carry-over.ts';
import { type EmbeddedFiles, encode, openFiles } from './embedded-files.ts';
import { embeddedFleet, embeddedRecorder } from './embedded-fleet.ts';
import { embeddedLease, type IsFenced } from './embedded-lease.ts';
import { openRecords } from './embedded-records.ts';
import { embeddedSeries } from './embedded-series.ts';
import { embeddedSurveys } from './embedded-surveys.ts';

const ANCHOR = 'anchor';
/** Documents of a commit that is prepared before its transaction, and ids that are indexed in one. */
const LARGE = 500;

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
  /** Of archived entries only the hashes are kept. */
  const anchors = files.table<AuditHead, string>('audit-anchor');
  const hashes = files.table<string, number>('audit-archived');
  const anchor = () => anchors.get(ANCHOR) ?? GENESIS;
  const entryAt = (id: number): AuditEntry | undefined => {
    let isThere = true;
    const entry = readEntry(id, () => {
      const found = entries.get(id);
      isThere = found !== undefined;
      return found;
    });
    return isThere ? entry : undefined;
  };
  const isHeld = ({ id, hash }: AuditHead) => id === 0 || (entryAt(id)?.hash ?? hashes.get(id)) === hash;
  const head = () => entries.keys({ reverse: true, limit: 1 }).map(entryAt)[0] ?? anchor();

  /** Undefined if there is none; a string says that it is damaged. */
  function find(key: string): { revision: number; value: object } | string | undefined {
    try {
      const found = documents.get(key);
      return found === undefined || Number.isSafeInteger(found?.revision) ? found : 'it has no revision';
    } catch (error) {
      if (error instanceof SyntaxError) return TORN;
      throw error;
    }
  }

  function* findConflict(seen: readonly Guard[]): Steps<string | undefined> {
    for (const { key, ifRevision } of seen) {
      const found = find(key);
      if ((typeof found === 'object' ? found.revision : 0) !== ifRevision) return key;
      yield;
    }
    return undefined;
  }

  /** The commits whose transactions have begun, and of these the ones that are over. */
  let [begun, settled] = [0, 0];

  /** Does all that can be done of a large commit before its transaction, in which no poll is answered. */
  async function prepare(writes: readonly Write[], seen: readonly Guard[], audit: AuditDraft) {
    // What was seen while no commit was under way is true until the next one begins.
    const since = begun === settled ? begun : null;
    const conflict = await inOwnTurns(findConflict(seen));
    const digests = await inOwnTurns(digestsInSteps(writes));
    // One that is refused is not indexed.
    const revision = conflict === undefined ? head().id + 1 : 0;
    const encoded = await inOwnTurns(encodeAll(writes, revision));
    const keys = revision > 0 ? keysOf({ ...audit, writes: digests }) : [];
    // Until the entry is there, nothing is found by these.
    for (let done = 0; done < keys.length; done += LARGE) {
      const some = keys.slice(done, done + LARGE);
      await files.write(() => {
        for (const key of some) index.put([key, revision], true);
      });
    }
    return { since, conflict, digests, revision, encoded };
  }

  function readDocuments(keys: Iterable<string>): Pick<ControlState, 'documents' | 'bad'> {
    const good: Document[] = [];
    const bad: BadDocument[] = [];
    for (const key of keys) {
      const found = find(key);
      if (typeof found === 'object') good.push({ key, ...found });
      else if (found !== undefined) bad.push({ key, revision: 0, fault: found });
    }
    return bad.length > 0 ? { documents: good, bad } : { documents: good };
  }

  return {
    load: () =>
      files.read(() => ({
        revision: head().id,
        hash: head().hash,
        ...readDocuments(documents.keys()),
      })),

    revision: () => files.read(() => head().id),

    since: (base, keys) =>
      files.read(() => {
        if (!isHeld(base)) return 'lost';
        const { id: revision, hash } = head();
        // Only this process writes these files, and it applies its own changes.
        if (revision !== base.id) return 'all';
        return { revision, hash, ...readDocuments(keys), gone: keys.filter((key) => find(key) === undefined) };
      }),

    async commit({ writes, guards = [], audit, base, fence }) {
      const seen = [...writes, ...guards];
      const ready = writes.length > LARGE ? await prepare(writes, seen, audit) : null;
      let isBegun = false;
      const written = files.write((): CommitResult => {
        if (isFenced(fence)) return { fenced: true };
        if (base && !isHeld(base)) return { lost: true };
        const conflict = ready?.since === begun ? ready.conflict : atOnce(findConflict(seen));
        if (conflict !== undefined) return { conflict };
        begun++;
        isBegun = true;
        const digests = ready?.digests ?? digestsOf(writes);
        const entry = chain(head(), audit, digests);
        for (const [n, { key, value }] of writes.entries()) {
          const encoded = ready?.revision === entry.id ? ready.encoded[n] : null;
          if (encoded) documents.putEncoded(key, encoded);
          else if (value) documents.put(key, { revision: entry.revision, value });
          else documents.remove(key);
        }
        if (ready?.revision !== entry.id) for (const key of keysOf(entry)) index.put([key, entry.id], true);
        entries.put(entry.id, entry);
        return { entry };
      });
      return written.finally(() => {
        if (isBegun) settled++;
      });
    },

    // The head is the newest entry, so the log always reaches it.
    mendLog: async () => 0,

    probe: files.probe,

    replication: async () => ({ wanted: 0, reached: 0 }),

    onChange() {},

    rouse: async () => false,
    async announce() {},
    announced: async () => null,

    audit: ({ key, before = Number.MAX_SAFE_INTEGER, limit }) =>
      files.read(() => {
        if (key === undefined) {
          return entries.keys({ start: before - 1, reverse: true, limit }).flatMap((id) => entryAt(id) ?? []);
        }
        const found: AuditEntry[] = [];
        for (let below = before; found.length < limit; ) {
          const wanted = limit - found.length;
          const ids = index.entries({ start: [key, below - 1], end: [key, 0], reverse: true, limit: wanted });
          // A commit that failed may have left ids that are another one's now.
          found.push(...ids.flatMap((each) => entryAt(each.key[1]) ?? []).filter((entry) => isAbout(entry, key)));
          if (ids.length < wanted) break;
          below = ids.at(-1)?.key[1] ?? 0;
        }
        return found;
      }),

    documents: (keys) => files.read(() => readDocuments(keys)),

    anchor: () => files.read(anchor),

    archive: (from, archived) =>
      files.write(() => {
        const next = archived.at(-1);
        if (from.id !== anchor().id || from.hash !== anchor().hash) return false;
        for (const entry of archived) {
          entries.remove(entry.id);
          hashes.put(entry.id, entry.hash);
          for (const key of keysOf(entry)) index.remove([key, entry.id]);
        }
        if (next) anchors.put(ANCHOR, { id: next.id, hash: next.hash });
        return true;
      }),
  };
}

/** The documents as they are stored; null for those that are deleted. */
function* encodeAll(writes: readonly Write[], revision: number): Steps<(Buffer | null)[]> {
  const encoded: (Buffer | null)[] = [];
  for (const { value } of writes) {
    encoded.push(value && encode({ revision, value }));
    yield;
  }
  return encoded;
}
