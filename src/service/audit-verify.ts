import type { AuditHead } from '../domain/audit.ts';
import { type Compared, checkLog, compareBad, type EditedDocument, type LogResult } from '../domain/audit-check.ts';
import { FairwayError } from '../domain/errors.ts';
import type { ControlLog } from '../domain/store.ts';
import { nextTurn } from '../process/turns.ts';
import { shareReads } from './shared-read.ts';
import type { State } from './state.ts';

/** The state of the audit chain, and of the documents that it records. */
export interface ChainState {
  /** Is every entry there and unaltered, and every document as the log recorded it? */
  intact: boolean;
  entries: number;
  /** The hash of the newest entry. */
  head: string;
  /** The id of the first entry that is missing, damaged, or not the expected one. */
  brokenAt: number | null;
  /** The newest archived entry, which the log goes on from. */
  anchor: AuditHead | null;
  /** Documents that are not as the log recorded them; at most 100 are named. */
  edited: EditedDocument[];
  /** Documents whose last change was archived or made by an older release, so that there is nothing to compare with. */
  unchecked: number;
}

export interface Verifier {
  /** Reads the whole log. `noted` is a head that was seen before and must be in it. Throws `rate_limited`. */
  verify(noted?: AuditHead): Promise<ChainState>;
}

type VerifiedStore = Pick<ControlLog, 'audit' | 'anchor' | 'documents'>;

/** The most entries at a stretch: some hundred KB of memory, and some milliseconds in which no poll is answered. */
export const ENTRIES_AT_ONCE = 100;
const FIRST_ENTRIES = 4;
/** Milliseconds. Entries of large documents take longer, so fewer of them are read at a stretch. */
const STRETCH = 5;
/** Documents at a stretch. */
export const DOCUMENTS_AT_ONCE = 50;
const MOST_NAMED = 100;
/** Verifications against a noted head that may wait; those without one share a run. */
const MOST_WAITING = 4;

/** Verifies the audit log slice by slice, one run at a time, so that polls are answered in between. */
export function createVerifier(store: VerifiedStore, state: Pick<State, 'peek'>): Verifier {
  let queue: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const run = (noted?: AuditHead): Promise<ChainState> => {
    const result = queue.then(() => verify(store, state, noted));
    queue = result.catch(() => undefined);
    return result;
  };
  const shared = shareReads(() => run());

  return {
    async verify(noted) {
      if (!noted) return shared();
      if (waiting === MOST_WAITING) {
        throw new FairwayError('rate_limited', 'the log is being verified for others; try again in a minute', {
          retryAfter: 60,
        });
      }
      waiting++;
      return run(noted).finally(() => waiting--);
    },
  };
}

async function verify(store: VerifiedStore, state: Pick<State, 'peek'>, noted?: AuditHead): Promise<ChainState> {
  // What was served before the log is read must be in it.
  const served = state.peek();
  const expected = [...(served?.hash ? [{ id: served.revision, hash: served.hash }] : []), ...(noted ? [noted] : [])];
  const anchor = await store.anchor();
  if (noted && noted.id < anchor.id) {
    const todo = 'verify it with fairway audit verify --file ARCHIVE';
    throw new FairwayError('invalid', `entry ${noted.id} is archived, as all up to ${anchor.id} are; ${todo}`);
  }
  const result = await readLog(store, anchor, expected);
  // Entries that were archived meanwhile would seem to be missing.
  if ((await store.anchor()).id !== anchor.id) return verify(store, state, noted);
  const { entries, head, brokenAt } = result;
  const keys = new Set([...result.documents.keys, ...(served?.documents.keys() ?? []), ...(served?.bad.keys() ?? [])]);
  const { edited, unchecked } = await compareDocuments(store, [...keys], result);
  return {
    intact: brokenAt === null && edited.length === 0,
    entries,
    head: head.hash,
    brokenAt,
    anchor: anchor.id === 0 ? null : anchor,
    edited: edited.slice(0, MOST_NAMED),
    unchecked,
  };
}

/** Reads the log from its end, because a store finds that fastest. */
async function readLog(
  store: Pick<VerifiedStore, 'audit'>,
  anchor: AuditHead,
  expected: AuditHead[],
): Promise<LogResult> {
  const check = checkLog(anchor, expected);
  let before: number | undefined;
  // The newest entries may be those of changes of hundreds of documents.
  let limit = FIRST_ENTRIES;
  for (;;) {
    const page = await store.audit({ before, limit });
    const begun = performance.now();
    page.forEach(check.add);
    const last = page.at(-1);
    // Ids that do not fall are damage, and would lead in a circle.
    if (!last || page.length < limit || last.id >= (before ?? Number.POSITIVE_INFINITY)) break;
    before = last.id;
    const took = performance.now() - begun;
    limit = Math.max(1, Math.min(ENTRIES_AT_ONCE, Math.floor((limit * STRETCH) / Math.max(took, STRETCH / 2))));
    await nextTurn();
  }
  return check.result();
}

async function compareDocuments(store: VerifiedStore, keys: string[], { head, documents }: LogResult) {
  const edited: EditedDocument[] = [];
  let unchecked = 0;

  async function note(key: string, compared: Compared): Promise<void> {
    if (compared === 'unknown') unchecked++;
    else if (typeof compared === 'object' && !(await isNewer(key))) edited.push(compared);
  }

  /** Was the document deleted, or written, after the log was read? */
  async function isNewer(key: string): Promise<boolean> {
    const [newest] = await store.audit({ key, limit: 1 });
    return newest !== undefined && newest.id > head.id;
  }

  for (let start = 0; start < keys.length; start += DOCUMENTS_AT_ONCE) {
    const batch = keys.slice(start, start + DOCUMENTS_AT_ONCE);
    const { documents: good, bad = [] } = await store.documents(batch);
    const found = new Map(good.map((document) => [document.key, document]));
    const damaged = new Map(bad.map((document) => [document.key, document]));
    for (const key of batch) {
      const torn = damaged.get(key);
      await note(key, torn ? compareBad(torn, head) : documents.compare(key, found.get(key) ?? null));
    }
    await nextTurn();
  }
  return { edited, unchecked };
}
