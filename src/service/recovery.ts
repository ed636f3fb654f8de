import { isDeepStrictEqual } from 'node:util';
import type { AuditDraft, AuditEntry } from '../domain/audit.ts';
import { isBack } from '../domain/channel.ts';
import type { Report } from '../domain/compatibility.ts';
import { keepOutBad } from '../domain/documents.ts';
import { FairwayError } from '../domain/errors.ts';
import { describeLoss, type Loss, RECOVERY_KEY, type Recovery } from '../domain/recovery.ts';
import { planRecovery, type RecoveredChannel, type RecoveryPlan } from '../domain/recovery-plan.ts';
import { type Snapshot, takeSnapshot } from '../domain/snapshot.ts';
import type { ControlLog, ControlState, Document, Write } from '../domain/store.ts';
import type { ChangeRequest } from './change.ts';
import { type Cleared, needsClearance, requireCleared } from './cleared.ts';
import type { Fleet } from './fleet.ts';
import type { Gate } from './gate.ts';
import type { State } from './state.ts';

export interface RecoveryInput {
  /** The history that counts; left out: the longer one, and the served one if both are alike long. */
  keep?: Recovery['keep'] | undefined;
  reason: string;
  /** The agents that an admin accepts to strand, in all channels together. */
  acceptStranding?: number | undefined;
}

export interface RecoveryResult {
  loss: Loss;
  /** The history that was chosen. */
  keep: Recovery['keep'];
  longer: Recovery['keep'];
  /** Channels whose targets differ, and what their agents get afterwards. */
  channels: RecoveredChannel[];
  /** Releases that only the other history has as pulled; they stay pulled. */
  pulled: string[];
  /** Documents that the decision changes: in the store if the served state is kept, in what is served if not. */
  changes: { key: string; change: 'create' | 'update' | 'delete' }[];
  /** Null on a dry run. */
  audit: AuditEntry | null;
}

export interface Recoveries {
  /**
   * Ends a loss in favour of one of the two histories. Throws `invalid` if nothing is lost, and `refused` if the gate
   * refuses a target to which agents of the other history would go.
   */
  decide(input: RecoveryInput, request: ChangeRequest): Promise<RecoveryResult>;
}

interface RecoveriesOptions {
  store: Pick<ControlLog, 'load' | 'commit' | 'mendLog'>;
  state: Pick<State, 'snapshot' | 'storeState' | 'refresh' | 'age'>;
  gate: Pick<Gate, 'clear'>;
  fleet: Pick<Fleet, 'read'>;
  now: () => Date;
}

/** A store that lacks more revisions is a different store, not one after a failover. Each one costs an audit entry. */
const MAX_LOST = 10_000;

type Head = Pick<ControlState, 'revision' | 'hash'>;

/** Lets an admin decide which history counts after the store has lost changes. */
export function createRecoveries({ store, state, gate, fleet, now }: RecoveriesOptions): Recoveries {
  /** Appends to the history in the store, although it has lost changes. */
  async function append({ revision: id, hash }: Head, writes: Write[], audit: AuditDraft): Promise<AuditEntry> {
    const result = await store.commit({ writes, audit, base: hash === null ? undefined : { id, hash } });
    if ('entry' in result) return result.entry;
    throw new FairwayError('revision_mismatch', 'the store was changed by someone else; look at it, then decide again');
  }

  async function requireLoss(): Promise<Loss> {
    await state.refresh();
    const found = state.storeState();
    if (found.is === 'lost') return found.loss;
    throw new FairwayError('invalid', 'the store has not lost any changes, so there is nothing to decide');
  }

  /** Judges each target to which agents of the other history would go. Throws `refused` with every refusal. */
  async function clearAll(
    { after }: RecoveryPlan,
    other: Snapshot,
    accepted: number | undefined,
    request: ChangeRequest,
  ): Promise<Cleared[]> {
    const reading = await fleet.read();
    const cleared: Cleared[] = [];
    const refusals: { error: FairwayError; report: Report; again: () => ReturnType<Gate['clear']> }[] = [];
    for (const moved of after.channels.values()) {
      const before = other.channels.get(moved.name);
      if (!needsClearance(before, moved)) continue;
      // Where the other history has no such channel, no agent gets anything else.
      const wayOut = !before || isBack(before, moved);
      const clear = (mayStrand?: number) =>
        gate.clear(before ?? null, moved, request, {
          snapshot: after,
          wayOut,
          reading,
          accepted: mayStrand,
          freeze: 'ignore',
        });
      try {
        const verdict = await clear();
        if (verdict.cleared) cleared.push(verdict.cleared);
      } catch (error) {
        const report = error instanceof FairwayError ? (error.details.report as Report | undefined) : undefined;
        if (!(error instanceof FairwayError) || !report) throw error;
        refusals.push({ error, report, again: () => clear(report.stranded) });
      }
    }
    const stranded = refusals.reduce((sum, { report }) => sum + report.stranded, 0);
    if (refusals.length > 0 && accepted !== stranded) {
      const all = refusals.map(({ error }) => error.message).join(' ');
      const way = `An admin can accept that: fairway recover --accept-stranding ${stranded}.`;
      throw new FairwayError('refused', `${all} ${way}`, { report: refusals[0]?.report });
    }
    for (const { again } of refusals) {
      const verdict = await again();
      if (verdict.cleared) cleared.push(verdict.cleared);
    }
    return cleared;
  }

  return {
    async decide({ keep: wanted, reason, acceptStranding }, request) {
      const { actor, dryRun } = request;
      const loss = await requireLoss();
      const served = state.snapshot();
      const found = keepOutBad(await store.load(), served.documents);
      const stored = takeSnapshot(found);
      if (served.revision - stored.revision > MAX_LOST) {
        throw new FairwayError('invalid', `the store has lost more than ${MAX_LOST} changes; restore a backup of it`);
      }
      const longer = stored.revision > served.revision ? 'stored' : 'served';
      if (wanted === undefined && loss.other) {
        throw new FairwayError('invalid', `${describeLoss(loss)}; say which one counts: served or stored`);
      }
      const keep = wanted ?? longer;
      // A saved state that the store never confirmed was served to no one.
      const own = Number.isFinite(state.age()) ? served : withoutDocuments(served);
      const [kept, other] = keep === 'served' ? [served, stored] : [stored, own];
      const at = now();
      const plan = planRecovery(kept, other, keep, { by: actor.name, at, reason });
      const writes = differences(stored, plan.after);
      const cleared = await clearAll(plan, other, acceptStranding, request);
      requireCleared(stored, writes, cleared);
      const shown = (keep === 'served' ? writes : differences(served, plan.after)).map(({ key, ifRevision, value }) => {
        return { key, change: value === null ? 'delete' : ifRevision === 0 ? 'create' : 'update' } as const;
      });
      const { channels, pulled } = plan;
      const result = { loss, keep, longer, channels, pulled, changes: shown } as const;
      if (dryRun) return { ...result, audit: null };

      // Nothing can be appended to a log that does not reach its own head.
      const missing = await store.mendLog();
      const draft = {
        at: at.toISOString(),
        actor: actor.name,
        subject: 'state',
        before: missing > 0 ? { ...loss, missing } : loss,
      };
      let head: Head = stored;
      // No revision is used twice: a client would take the new state for one that it has already seen.
      while (head.revision < served.revision) {
        const lost = `revision ${head.revision + 1} was lost by the store`;
        head = await append(head, [], { ...draft, action: 'lost', reason: lost, after: null });
      }
      const decision: Recovery = { keep, revision: served.revision, by: actor.name, at: draft.at, reason };
      const before = stored.documents.get(RECOVERY_KEY);
      const all = [...writes, { key: RECOVERY_KEY, ifRevision: before?.revision ?? 0, value: decision }];
      const after = { ...decision, channels, pulled, changes: shown };
      const audit = await append(head, all, { ...draft, action: 'recover', reason, after });
      await state.refresh();
      return { ...result, audit };
    },
  };
}

const withoutDocuments = ({ revision, hash }: Snapshot) => takeSnapshot({ revision, hash, documents: [] });

type Documents = { documents: ReadonlyMap<string, Document> };

/** The writes that turn the documents of `from` into those of `to`. */
function differences({ documents: from }: Documents, { documents: to }: Documents): Write[] {
  const keys = [...new Set([...from.keys(), ...to.keys()])].filter((key) => key !== RECOVERY_KEY);
  return keys.flatMap((key) => {
    const [before, after] = [from.get(key), to.get(key)];
    if (isDeepStrictEqual(before?.value, after?.value)) return [];
    return [{ key, ifRevision: before?.revision ?? 0, value: after?.value ?? null }];
  });
}
