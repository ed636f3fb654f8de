import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEntry, type AuditHead, chain, digestsInSteps, GENESIS, keysOf, readEntry } from '../domain/audit.ts';
import { TORN } from '../domain/documents.ts';
import { FairwayError } from '../domain/errors.ts';
import type {
  AuditQuery,
  BadDocument,
  Change,
  CommitResult,
  ControlLog,
  ControlState,
  Difference,
  Document,
  FleetLimits,
  Lease,
  Store,
} from '../domain/store.ts';
import { inOwnTurns } from '../process/turns.ts';
import { carryOver } from './carry-over.ts';
import { withDeadline } from './deadline.ts';
import { redisOldFleet } from './redis-carry-over.ts';
import { connectRedis, type RedisClient, type RedisClientOptions, SLACK_MS } from './redis-client.ts';
import { redisFleet, redisRecorder } from './redis-fleet.ts';
import {
  ANCHOR,
  ANNOUNCED,
  AUDIT,
  auditIndexKey,
  CHANGES,
  DOCUMENTS,
  FENCE,
  HEAD,
  LEASE,
  TURN,
  WRITTEN,
} from './redis-keys.ts';
import {
  ANNOUNCE,
  ARCHIVE,
  AUDIT_OF_KEY,
  AUDIT_PAGE,
  COMMIT,
  DOCUMENTS_OF,
  LOAD,
  MEND_LOG,
  ROUSE,
  SINCE,
  TOUCH,
} from './redis-scripts/control.ts';
import { ACQUIRE_LEASE, RELEASE_LEASE } from './redis-scripts/lease.ts';
import { redisSeries } from './redis-series.ts';
import { redisSurveys } from './redis-surveys.ts';

/** Changes whose keys are remembered; a server that is further behind loads everything. */
const REMEMBERED = 1_000;
/** Documents of a change, and the changes that are remembered after a larger one, whose keys take up to a megabyte. */
const [LARGE, LARGE_REMEMBERED] = [500, 20];
/** Documents of one change whose keys are remembered for the other servers; after a larger one they load everything. */
const MOST_REMEMBERED = 20_000;
/** Tries that lose the race for the head before a process takes the turn: a far one would lose for ever. */
const FAIR_TRIES = 1;
/** Milliseconds between two tries while another process has the turn. */
const WAIT_MS = 5;
const LONGEST_TURN_MS = 400;
/** Milliseconds of a turn: time for the next try, if it takes no longer than twice the last one. */
const turnFor = (took: number): number => Math.min(Math.ceil(2 * took) + 5, LONGEST_TURN_MS);
/** Enough for many servers that commit at once; the deadline usually ends the attempts first. */
const MAX_TRIES = 50;

/** Opens a store in Redis. Returns immediately, also if Redis cannot be reached. */
export function openRedisStore({ limits, ...options }: RedisClientOptions & { limits: FleetLimits }): Store {
  const client = connectRedis(options);
  const surveys = redisSurveys(client);
  const carried = carryOver(redisOldFleet(client, redisRecorder(client, limits), surveys.time));
  return {
    kind: 'redis',
    ...redisControl(client, options),
    ...surveys,
    ...redisFleet(client, limits, carried),
    ...redisSeries(client),
    async close() {
      const stopped = carried.close();
      await client.close();
      await stopped;
    },
  };
}

function redisControl(client: RedisClient, { deadline, replication }: RedisClientOptions): ControlLog & Lease {
  const last = lastHead();
  const commit = committer(client, last, replication.replicas);
  const least = deadline + (replication.replicas > 0 ? replication.timeout : 0);
  let queue: Promise<unknown> = Promise.resolve();
  /** Runs one commit at a time, because commits of the same process would only compete for the head of the chain. */
  function inTurn<T>(work: (expired: () => boolean) => Promise<T>, more = 0): Promise<T> {
    return withDeadline((expired) => {
      const result = queue.then(() => work(expired));
      queue = result.catch(() => undefined);
      return result;
    }, least + more);
  }

  return {
    async load() {
      const [text, flat] = (await client.run(LOAD, [HEAD, DOCUMENTS])) as [string | null, string[]];
      const head = parseHead(text);
      last.see(head);
      return { revision: head.id, hash: head.hash, ...(await parseDocuments(flat)) };
    },

    async revision() {
      return parseHead(await client.get(HEAD)).id;
    },

    async since({ id, hash }, keys) {
      const answer = await client.run(SINCE, [HEAD, AUDIT, WRITTEN, DOCUMENTS], [id, hash, ...keys]);
      const [outcome, text = null, ...flat] = answer as [string, string?, ...(string | null)[]];
      if (outcome === 'lost') return 'lost';
      const head = parseHead(text);
      last.see(head);
      return outcome === 'all' ? 'all' : { revision: head.id, hash: head.hash, ...(await parseDifference(flat)) };
    },

    commit: (change) => inTurn((expired) => commit(change, expired), moreTimeFor(change.writes)),

    async mendLog() {
      let missing = 0;
      for (;;) {
        const filled = (await client.run(MEND_LOG, [AUDIT, HEAD])) as number;
        missing += filled;
        if (filled === 0) return missing;
      }
    },

    async probe() {
      await client.run(TOUCH, [HEAD]);
    },

    async replication() {
      const { reached } = await inTurn(() => client.runReplicated(TOUCH, [HEAD]));
      return { wanted: replication.replicas, reached };
    },

    onChange(listener) {
      client.subscribe(CHANGES, listener);
    },

    async rouse() {
      await client.run(ROUSE, [HEAD], [CHANGES]);
      return true;
    },

    async announce(head, forMs) {
      await client.run(ANNOUNCE, [ANNOUNCED], [formatHead(head), forMs]);
    },

    async announced() {
      const text = await client.get(ANNOUNCED);
      return text === null ? null : parseHead(text);
    },

    audit: (query) => readAudit(client, query),

    async documents(keys) {
      return parseDocuments((await client.run(DOCUMENTS_OF, [DOCUMENTS], [...keys])) as string[]);
    },

    async anchor() {
      return parseHead(await client.get(ANCHOR));
    },

    async archive(anchor, entries) {
      const next = entries.at(-1);
      if (!next) return true;
      const keys = [...new Set(entries.flatMap(keysOf))].map(auditIndexKey);
      const args = [formatHead(anchor), formatHead(next), anchor.id + 1, ...entries.map(({ hash }) => hash)];
      return (await client.run(ARCHIVE, [AUDIT, ANCHOR, ...keys], args)) === 1;
    },

    async acquireLease(holder, forMs) {
      return (await client.run(ACQUIRE_LEASE, [LEASE, FENCE], [holder, forMs])) as number | null;
    },

    async releaseLease(holder) {
      await client.run(RELEASE_LEASE, [LEASE], [holder]);
    },
  };
}

/** A millisecond for each document: a pull moves all channels that serve the release in one commit. */
const moreTimeFor = ({ length }: Change['writes']): number => Math.min(length, SLACK_MS);

/** Remembers the head of the audit chain as Redis last answered it. */
function lastHead() {
  let last = GENESIS;
  return {
    get: () => last,
    see(head: AuditHead): void {
      last = head;
    },
  };
}

/** Lua has no SHA-256, so the entry is made here for the last known head, and made again if the head has moved. */
function committer(client: RedisClient, last: ReturnType<typeof lastHead>, wanted: number) {
  const name = `${process.pid} ${Math.random()}`;
  return async (
    { writes, guards = [], audit, base = GENESIS, fence }: Change,
    expired: () => boolean,
  ): Promise<CommitResult> => {
    const seen = guards.flatMap(({ key, ifRevision }) => [key, ifRevision]);
    const written = (await inOwnTurns(toStrings(writes))).flat();
    const digests = await inOwnTurns(digestsInSteps(writes));
    const names = writes.length > MOST_REMEMBERED ? null : writes.map(({ key }) => key);
    const keys = keysOf({ ...audit, writes: digests }).map(auditIndexKey);
    /** Milliseconds that the last try took. */
    let took = 0;
    for (let tries = 0; tries < MAX_TRIES && !expired(); tries++) {
      const head = last.get();
      const entry = chain(head, audit, digests);
      const heads = [formatHead(head), formatHead(entry)];
      const begun = performance.now();
      const { answer, reached } = await client.runReplicated(
        COMMIT,
        [DOCUMENTS, HEAD, AUDIT, LEASE, WRITTEN, TURN, ...keys],
        [
          ...heads,
          entry.id,
          JSON.stringify(entry),
          CHANGES,
          fence ?? '',
          base.id,
          base.hash,
          names ? JSON.stringify([entry.id, ...names]) : '',
          writes.length > LARGE ? LARGE_REMEMBERED : REMEMBERED,
          ...[name, tries < FAIR_TRIES ? 0 : turnFor(took)],
          guards.length,
          ...seen,
          ...written,
        ],
        moreTimeFor(writes),
      );
      const [outcome, detail] = answer as
        | ['conflict' | 'moved' | 'wait', string]
        | ['committed']
        | ['fenced']
        | ['lost'];
      took = performance.now() - begun;
      if (outcome === 'fenced') return { fenced: true };
      if (outcome === 'lost') return { lost: true };
      if (outcome === 'conflict') return { conflict: detail };
      last.see(outcome === 'committed' ? entry : parseHead(detail ?? null));
      if (outcome === 'wait') await sleep(WAIT_MS);
      if (outcome === 'committed') return reached < wanted ? { entry, short: { wanted, reached } } : { entry };
    }
    throw new FairwayError('store_unavailable', 'too many changes at once, so nothing was changed; try again');
  };
}

/** The arguments of each write. */
function* toStrings(writes: Change['writes']): Generator<void, (string | number)[][]> {
  const all: (string | number)[][] = [];
  for (const { key, ifRevision, value } of writes) {
    all.push([key, ifRevision, value ? JSON.stringify(value) : '']);
    yield;
  }
  return all;
}

/** The empty string stands for the missing head before the first commit. */
const formatHead = ({ id, hash }: AuditHead) => (id === 0 ? '' : `${id} ${hash}`);

function parseHead(text: string | null): AuditHead {
  if (!text) return GENESIS;
  const [, id, hash] = /^(\d+) (\S+)$/.exec(text) ?? [];
  if (id !== undefined && hash !== undefined) return { id: Number(id), hash };
  const todo = 'write the number and the hash of the newest entry of the log there, or restore Redis from a backup';
  throw new FairwayError('store_unavailable', `the head of the log in Redis (${HEAD}) is damaged; ${todo}`);
}

function parseDifference(flat: (string | null)[]): Promise<Pick<Difference, 'documents' | 'gone' | 'bad'>> {
  const gone: string[] = [];
  const there: string[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [key, stored] = [flat[i] as string, flat[i + 1]];
    if (stored == null) gone.push(key);
    else there.push(key, stored);
  }
  return parseDocuments(there).then((found) => ({ ...found, gone }));
}

const parseDocuments = (flat: string[]) => inOwnTurns(parseInSteps(flat));

function* parseInSteps(flat: string[]): Generator<void, Pick<ControlState, 'documents' | 'bad'>> {
  const documents: Document[] = [];
  const bad: BadDocument[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [key, stored] = [flat[i] as string, flat[i + 1] as string];
    // The script that commits compares the same digits.
    const revision = Number(/^\d+/.exec(stored)?.[0] ?? 0);
    try {
      documents.push({ key, revision, value: JSON.parse(stored.slice(stored.indexOf(' ') + 1)) });
    } catch {
      bad.push({ key, revision, fault: TORN });
    }
    yield;
  }
  documents.sort((a, b) => (a.key < b.key ? -1 : 1));
  return bad.length > 0 ? { documents, bad } : { documents };
}

/**
 * Entries of one key that a script looks up: in the middle of a list of a million entries, Redis takes some milliseconds
 * to find one, and serves no one else in that time.
 */
const LOOKED_UP_AT_ONCE = 10;

async function readAudit(client: RedisClient, { key, before, limit }: AuditQuery): Promise<AuditEntry[]> {
  if (key === undefined) return parseEntries(await client.run(AUDIT_PAGE, [AUDIT], [limit, before ?? '']));
  const entries: AuditEntry[] = [];
  let below: number | string = before ?? '';
  while (entries.length < limit) {
    const wanted = Math.min(limit - entries.length, LOOKED_UP_AT_ONCE);
    const flat = (await client.run(AUDIT_OF_KEY, [AUDIT, auditIndexKey(key)], [wanted, below])) as (number | string)[];
    entries.push(...(await parseEntries(flat)));
    if (flat.length < 2 * wanted) break;
    below = Number(flat.at(-2));
  }
  return entries;
}

/** What stands for an archived entry. */
const ARCHIVED = /^\{"hash":"[0-9a-f]{64}"\}$/;

const parseEntries = (answer: unknown) => inOwnTurns(entriesInSteps(answer as (number | string)[]));

/** Entries of changes of hundreds of documents take milliseconds each. */
function* entriesInSteps(flat: (number | string)[]): Generator<void, AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const json = String(flat[i + 1]);
    if (!ARCHIVED.test(json)) entries.push(readEntry(Number(flat[i]), () => JSON.parse(json)));
    yield;
  }
  return entries;
}
