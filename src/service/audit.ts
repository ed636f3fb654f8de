import type { AuditEntry } from '../domain/audit.ts';
import { createMask, redactEntry, seesEmbargoed } from '../domain/embargo.ts';
import type { Actor } from '../domain/role.ts';
import { channelKey, requireChannel } from '../domain/snapshot.ts';
import type { ControlLog } from '../domain/store.ts';
import { createVerifier, type Verifier } from './audit-verify.ts';
import type { State } from './state.ts';

/** The audit log. Entries about a release under embargo are redacted for actors who may not see it. */
export interface Audit extends Verifier {
  /** Lists entries, newest first. */
  list(query: { before?: number | undefined; limit: number }, asker: Actor): Promise<AuditEntry[]>;
  /** Lists what happened to a channel, newest first, also if the channel was deleted. */
  history(channel: string, query: { before?: number | undefined; limit: number }, asker: Actor): Promise<AuditEntry[]>;
}

/** Records who changed what, when and why. */
export function createAudit(
  store: Pick<ControlLog, 'audit' | 'anchor' | 'documents'>,
  state: Pick<State, 'snapshot' | 'peek'>,
): Audit {
  function redact(entries: AuditEntry[], asker: Actor): AuditEntry[] {
    const mask = seesEmbargoed(asker) ? null : createMask(state.snapshot().releases);
    return mask ? entries.map((entry) => redactEntry(entry, mask)) : entries;
  }

  return {
    list: async (query, asker) => redact(await store.audit(query), asker),

    async history(channel, query, asker) {
      const entries = await store.audit({ ...query, key: channelKey(channel) });
      if (entries.length === 0 && query.before === undefined) requireChannel(state.snapshot(), channel);
      return redact(entries, asker);
    },

    ...createVerifier(store, state),
  };
}
