import { type AuditEntry, type AuditHead, follows, GENESIS } from '../domain/audit.ts';
import { createMask, redactEntry, seesEmbargoed } from '../domain/embargo.ts';
import type { Actor } from '../domain/role.ts';
import { channelKey, requireChannel } from '../domain/snapshot.ts';
import type { ControlLog } from '../domain/store.ts';
import type { State } from './state.ts';

/**
 * The state of the audit chain; `brokenAt` is the id of the first entry that is missing, damaged, or not the one
 * served.
 */
export interface ChainState {
  intact: boolean;
  entries: number;
  head: string;
  brokenAt: number | null;
}

/** The audit log. Entries about a release under embargo are redacted for actors who may not see it. */
export interface Audit {
  /** Lists entries, newest first. */
  list(query: { before?: number | undefined; limit: number }, asker: Actor): Promise<AuditEntry[]>;
  /** Lists what happened to a channel, newest first, also if the channel was deleted. */
  history(channel: string, query: { before?: number | undefined; limit: number }, asker: Actor): Promise<AuditEntry[]>;
  verify(): Promise<ChainState>;
}

const PAGE = 500;

/** Records who changed what, when and why. */
export function createAudit(store: Pick<ControlLog, 'audit'>, state: Pick<State, 'snapshot' | 'peek'>): Audit {
  /** Reads the whole log, newest page first, because a store reads it from its end. */
  async function* newestFirst(): AsyncGenerator<AuditEntry> {
    let before: number | undefined;
    for (;;) {
      const page = await store.audit({ before, limit: PAGE });
      yield* page;
      const last = page.at(-1);
      // Ids that do not fall are damage, and would lead in a circle.
      if (!last || page.length < PAGE || last.id >= (before ?? Number.POSITIVE_INFINITY)) return;
      before = last.id;
    }
  }

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

    async verify() {
      // What was served before the log is read must be in it.
      const served = state.peek();
      let newer: AuditEntry | null = null;
      let entries = 0;
      let head: AuditHead = GENESIS;
      let brokenAt: number | null = null;
      for await (const entry of newestFirst()) {
        if (entries++ === 0) head = entry;
        if (newer && !follows(entry, newer)) brokenAt = newer.id;
        if (entry.id === served?.revision && served.hash !== null && entry.hash !== served.hash) brokenAt = entry.id;
        newer = entry;
      }
      if (newer && !follows(GENESIS, newer)) brokenAt = newer.id;
      if (served && head.id < served.revision) brokenAt ??= head.id + 1;
      return { intact: brokenAt === null, entries, head: head.hash, brokenAt };
    },
  };
}
