import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Store } from '../domain/store.ts';
import type { Tracer } from '../domain/tracer.ts';
import { repeat } from '../process/repeat.ts';

/** Does background work on one of all servers. */
export interface Leadership {
  isLeader(): boolean;
  /**
   * Runs `task` every so many milliseconds while this server leads. What it commits must carry `fence`, which the store
   * refuses once another server has taken over: a process that was stopped cannot know what happened meanwhile.
   */
  whileLeading(name: string, everyMs: number, task: (fence: number) => Promise<void>): void;
  /** Stops the work, waits a little for what is under way, and gives the lease back. */
  close(): Promise<void>;
}

export interface LeadershipOptions {
  store: Pick<Store, 'acquireLease' | 'releaseLease'>;
  /** Milliseconds for which a lease lasts. Renewed three times as often, so a crash is made good within 4/3 of it. */
  lease: number;
  /** Asked before each renewal: may this server lead? */
  mayLead: () => boolean;
  tracer: Tracer;
  log: Logger;
}

const RENEWALS_A_LEASE = 3;
/** Milliseconds that work under way gets when the server stops. */
const GRACE = 1_000;

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

  async function renew(): Promise<'again'> {
    if (!mayLead()) return giveBack().then(() => 'again');
    const led = current() !== null;
    // Counted from before the question: the store's lease can only end later than this one.
    const until = performance.now() + lease;
    const fence = await store.acquireLease(holder, lease);
    held = fence === null ? null : { fence, until };
    if (held && !led) log.info({ fence }, 'this server leads: it does the background work');
    if (!held && led) log.warn({}, 'another server leads by now');
    return 'again';
  }

  await renew().catch((err) => log.warn({ err }, 'whether this server leads is not known yet'));
  const renewal = repeat('lease', lease / RENEWALS_A_LEASE, log, renew);

  return {
    isLeader: () => current() !== null,

    whileLeading(name, everyMs, task) {
      const run = async () => {
        const lead = current();
        if (!lead) return 'again' as const;
        const work = tracer.trace(`leader ${name}`, { unlessIdle: true }, () => task(lead.fence));
        underWay.add(work);
        await work.finally(() => underWay.delete(work));
        return 'again' as const;
      };
      tasks.push(repeat(name, everyMs, log, run));
    },

    async close() {
      for (const task of [renewal, ...tasks]) task.stop();
      // What takes longer is cut off: its fence falls with the lease.
      await Promise.race([Promise.allSettled(underWay), new Promise((resolve) => setTimeout(resolve, GRACE).unref())]);
      // Unanswered, the lease ends by itself.
      await giveBack().catch(() => undefined);
    },
  };
}
