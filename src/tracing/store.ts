import type { AuditDraft } from '../domain/audit.ts';
import type { CommitResult, Store } from '../domain/store.ts';
import type { Tracer } from '../domain/tracer.ts';

/** Verbs with a span of their own. The others maintain the lease, the revision and the connection, untraced. */
const READS = ['load', 'audit', 'counts', 'agents', 'agent', 'series'] as const;
const WRITES = [
  'saveSurvey',
  'recordSightings',
  'noteUncounted',
  'forgetUncounted',
  'prune',
  'forget',
  'savePoint',
] as const;

const SYSTEMS = { redis: 'redis', embedded: 'lmdb' };

/** Wraps the store with a span for each call in a trace. */
export function traceStore(store: Store, tracer: Tracer): Store {
  const options = (verb: string) => ({
    kind: 'client' as const,
    attributes: { 'db.system.name': SYSTEMS[store.kind], 'db.operation.name': verb },
  });
  const traced = [...READS, ...WRITES].map((verb) => {
    const call = store[verb] as (...args: unknown[]) => Promise<unknown>;
    return [verb, (...args: unknown[]) => tracer.span(`store ${verb}`, options(verb), () => call(...args))];
  });
  return {
    ...store,
    ...Object.fromEntries(traced),
    commit: (change) =>
      tracer.span('store commit', options('commit'), async (span) => {
        span.set(describeChange(change.audit));
        const result = await store.commit(change);
        span.set(describeResult(result));
        return result;
      }),
  };
}

const describeChange = ({ action, subject }: AuditDraft) => ({
  'fairway.action': action,
  'fairway.subject': subject,
});

function describeResult(result: CommitResult) {
  if ('fenced' in result) return { 'fairway.outcome': 'fenced' };
  if ('lost' in result) return { 'fairway.outcome': 'lost' };
  if ('conflict' in result) return { 'fairway.outcome': 'conflict', 'fairway.conflict': result.conflict };
  return { 'fairway.outcome': 'committed', 'fairway.revision': result.entry.revision };
}
