import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Lease } from '../domain/store.ts';
import type { Tracer } from '../domain/tracer.ts';
import { repeat } from '../process/repeat.ts';

/** Gives the background work to one of all servers. */
export interface Leadership {
  isLeader(): boolean;
  /**
   * Runs `task` every `everyMs` milliseconds while this server is the leader. The task's commits must carry `fence`,
   * which the store refuses once another server has taken over: a process that was paused does not know that it was.
   */
  whileLeading(name: string, everyMs: number, task: (fence: number) => Promise<void>): void;
  /** Stops the work, waits up to a second for the tasks under way, and gives the lease back. */
  close(): Promise<void>;
}

export interface LeadershipOptions {
  store: Lease;
  /** Milliseconds that a lease lasts. It is renewed three times as often, so a new leader follows within 4/3 of it. */
  lease: number;
  /** Checked before each renewal. */
  mayLead: () => boolean;
  tracer: Tracer;
  log: Logger;
}

const RENEWALS_A_LEASE = 3;
/** Milliseconds for tasks that are under way when the server stops. */
const GRACE_MS = 1_000;

/** Takes part in choosing the leader. */
export async function joinLeadership({ store, lease, mayLead, tracer, log }: LeadershipOptions): Promise<Leadership> {
  const holder = randomUUID();
  const tasks: { stop(): void }[] = [];
  const underWay = new Set<Promise<void>>();
  let held: { fence: number; until: number } | null = null;

  const current = () => (held && performance.now() < held.until ? held : null);

  async function giveBack(): Promise<void> {
    const had = held;
    held = null;
    if (had) await store.releaseLease(holder);
  }

  async function renew(): Promise<void> {
    if (!mayLead()) return giveBack();
    const led = current() !== null;
    // Counted from before the request, so this lease never ends later than the store's.
    const until = performance.now() + lease;
    const fence = await store.acquireLease(holder, lease);
    held = fence === null ? null : { fence, until };
    if (held && !led) log.info({ fence }, 'this server is the leader now: it does the background work');
    if (!held && led) log.warn({}, 'another server is the leader now');
  }

  await renew().catch((err) => log.warn({ err }, 'it is not known yet whether this server is the leader'));
  const renewal = repeat('lease', lease / RENEWALS_A_LEASE, log, renew);

  return {
    isLeader: () => current() !== null,

    whileLeading(name, everyMs, task) {
      const run = async () => {
        const lead = current();
        if (!lead) return;
        const work = tracer.trace(`leader ${name}`, { unlessIdle: true }, () => task(lead.fence));
        underWay.add(work);
        await work.finally(() => underWay.delete(work));
      };
      tasks.push(repeat(name, everyMs, log, run));
    },

    async close() {
      for (const task of [renewal, ...tasks]) task.stop();
      // Longer tasks are cut off: the store refuses their fence when the lease is gone.
      const grace = new Promise((resolve) => setTimeout(resolve, GRACE_MS).unref());
      await Promise.race([Promise.allSettled(underWay), grace]);
      // If the store does not answer, the lease runs out.
      await giveBack().catch(() => undefined);
    },
  };
}
