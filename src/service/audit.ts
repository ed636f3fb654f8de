import type { AuditEntry } from '../domain/audit.ts';
import { createMask, redactEntry, seesEmbargoed } from '../domain/embargo.ts';
import type { Actor } from '../domain/role.ts';
import { channelKey, requireChannel } from '../domain/snapshot.ts';
import type { AuditQuery, ControlLog } from '../domain/store.ts';
import { nextTurn } from '../process/turns.ts';
import { type Archive, createArchive } from './audit-archive.ts';
import { createVerifier, type Verifier } from './audit-verify.ts';
import type { State } from './state.ts';

/** The audit log. Entries about a release under embargo are redacted for actors who may not see it. */
export interface Audit extends Verifier {
  archive: Archive;
  /** Lists entries, newest first. */
  list(query: { before?: number | undefined; limit: number }, asker: Actor): Promise<AuditEntry[]>;
  /** Lists what happened to a channel, newest first, also if the channel was deleted. */
  history(channel: string, query: { before?: number | undefined; limit: number }, asker: Actor): Promise<AuditEntry[]>;
}

const READ_AT_ONCE = 10;

/** Records who changed what, when and why. */
export function createAudit(
  store: Pick<ControlLog, 'audit' | 'anchor' | 'archive' | 'documents'>,
  state: Pick<State, 'snapshot' | 'peek' | 'commit'>,
  now: () => Date,
): Audit {
  function redact(entries: AuditEntry[], asker: Actor): AuditEntry[] {
    const mask = seesEmbargoed(asker) ? null : createMask(state.snapshot().releases);
    return mask ? entries.map((entry) => redactEntry(entry, mask)) : entries;
  }

  /** Reads entries a few at a time: one that records a large document has hundreds of KB. */
  async function read({ limit, ...query }: AuditQuery): Promise<AuditEntry[]> {
    const entries: AuditEntry[] = [];
    let before = query.before;
    while (entries.length < limit) {
      const wanted = Math.min(limit - entries.length, READ_AT_ONCE);
      if (entries.length > 0) await nextTurn();
      const some = await store.audit({ ...query, before, limit: wanted });
      entries.push(...some);
      if (some.length < wanted) break;
      before = some.at(-1)?.id;
    }
    return entries;
  }

  return {
    list: async (query, asker) => redact(await read(query), asker),

    async history(channel, query, asker) {
      const entries = await read({ ...query, key: channelKey(channel) });
      if (entries.length === 0 && query.before === undefined) requireChannel(state.snapshot(), channel);
      return redact(entries, asker);
    },

    archive: createArchive(store, state, now),

    ...createVerifier(store, state),
  };
}
