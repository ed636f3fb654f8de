import { isDeepStrictEqual } from 'node:util';
import type { AuditDraft, AuditEntry } from '../domain/audit.ts';
import { keepOutBad } from '../domain/documents.ts';
import { FairwayError } from '../domain/errors.ts';
import { type Loss, RECOVERY_KEY, type Recovery } from '../domain/recovery.ts';
import { type Snapshot, stateOf } from '../domain/snapshot.ts';
import type { ControlLog, ControlState, Write } from '../domain/store.ts';
import type { ChangeRequest } from './change.ts';
import type { State } from './state.ts';

export interface RecoveryResult {
  loss: Loss;
  /** Documents that the decision changes: in the store if the served state is kept, in what is served if not. */
  changes: { key: string; change: 'create' | 'update' | 'delete' }[];
  /** Null on a dry run. */
  audit: AuditEntry | null;
}

export interface Recoveries {
  /** Ends a loss in favour of one of the two histories. Throws `invalid` if nothing is lost. */
  decide(input: Pick<Recovery, 'keep' | 'reason'>, request: ChangeRequest): Promise<RecoveryResult>;
}

interface RecoveriesOptions {
  store: Pick<ControlLog, 'load' | 'commit'>;
  state: Pick<State, 'snapshot' | 'storeState' | 'refresh'>;
  now: () => Date;
}

/** A store that lacks more revisions is a different store, not one after a failover. Each one costs an audit entry. */
const MAX_LOST = 10_000;

type Head = Pick<ControlState, 'revision' | 'hash'>;

/** Lets an admin decide which history counts after the store has lost changes. */
export function createRecoveries({ store, state, now }: RecoveriesOptions): Recoveries {
  /** Appends to the history in the store, although it has lost changes. */
  async function append({ revision: id, hash }: Head, writes: Write[], audit: AuditDraft): Promise<AuditEntry> {
    const result = await store.commit({ writes, audit, base: hash === null ? undefined : { id, hash } });
    if ('entry' in result) return result.entry;
    throw new FairwayError('revision_mismatch', 'the store was changed by someone else; look at it, then decide again');
  }

  return {
    async decide({ keep, reason }, { actor, dryRun }) {
      await state.refresh();
      const found = state.storeState();
      if (found.is !== 'lost') {
        throw new FairwayError('invalid', 'the store has not lost any changes, so there is nothing to decide');
      }
      const { loss } = found;
      const served = state.snapshot();
      const stored = keepOutBad(await store.load(), served.documents);
      if (served.revision - stored.revision > MAX_LOST) {
        throw new FairwayError('invalid', `the store has lost more than ${MAX_LOST} changes; restore a backup of it`);
      }
      const restoring = differences(stored, served);
      const changes =
        keep === 'served' ? restoring : differences(stateOf(served), { ...stored, documents: byKey(stored) });
      const shown = changes.map(({ key, ifRevision, value }) => {
        return { key, change: value === null ? 'delete' : ifRevision === 0 ? 'create' : 'update' } as const;
      });
      if (dryRun) return { loss, changes: shown, audit: null };

      const at = now().toISOString();
      const draft = { at, actor: actor.name, subject: 'state', before: loss };
      let head: Head = stored;
      // No revision is used twice: a client would take the new state for one that it has already seen.
      while (head.revision < served.revision) {
        const lost = `revision ${head.revision + 1} was lost by the store`;
        head = await append(head, [], { ...draft, action: 'lost', reason: lost, after: null });
      }
      const decision: Recovery = { keep, revision: served.revision, by: actor.name, at, reason };
      const before = stored.documents.find(({ key }) => key === RECOVERY_KEY);
      const writes = [
        ...(keep === 'served' ? restoring : []),
        { key: RECOVERY_KEY, ifRevision: before?.revision ?? 0, value: decision },
      ];
      const after = { ...decision, changes: shown };
      const audit = await append(head, writes, { ...draft, action: 'recover', reason, after });
      await state.refresh();
      return { loss, changes: shown, audit };
    },
  };
}

const byKey = ({ documents }: ControlState) => new Map(documents.map((document) => [document.key, document]));

/** The writes that turn the documents of `from` into those of `to`. */
function differences({ documents }: ControlState, to: Pick<Snapshot, 'documents'>): Write[] {
  const from = new Map(documents.map((document) => [document.key, document]));
  const keys = [...new Set([...from.keys(), ...to.documents.keys()])].filter((key) => key !== RECOVERY_KEY);
  return keys.flatMap((key) => {
    const [before, after] = [from.get(key), to.documents.get(key)];
    if (isDeepStrictEqual(before?.value, after?.value)) return [];
    return [{ key, ifRevision: before?.revision ?? 0, value: after?.value ?? null }];
  });
}
