import type { Logger } from 'pino';
import { describeShortfall, type Replication, type Shortfall } from '../domain/replication.ts';
import type { ControlLog } from '../domain/store.ts';
import { repeat } from '../process/repeat.ts';

export interface ShortfallOptions {
  store: Pick<ControlLog, 'replication'>;
  /** Milliseconds between two checks of a change that is not replicated yet. */
  checkEvery: number;
  log: Logger;
}

/** Remembers whether too few replicas have the last change. */
export interface ShortfallWatch {
  /** The last change, while too few replicas have it; a different object for each change. */
  peek(): Shortfall | null;
  /** Records a change; `short` says how many replicas confirmed it, if those were too few. */
  note(revision: number, short: Replication | undefined): void;
  stop(): void;
}

/** Asks the store again until enough replicas have the change: a replica that comes back catches up. */
export function watchShortfall({ store, checkEvery, log }: ShortfallOptions): ShortfallWatch {
  let shortfall: Shortfall | null = null;
  const checking = repeat('replication', checkEvery, log, async () => {
    const asked = shortfall;
    if (!asked) return;
    const { wanted, reached } = await store.replication().catch(() => asked);
    if (reached < wanted || shortfall !== asked) return;
    shortfall = null;
    log.info({ revision: asked.revision, wanted, reached }, 'the last change is replicated now');
  });
  return {
    peek: () => shortfall,
    note(revision, short) {
      shortfall = short ? { ...short, revision } : null;
      if (shortfall) log.warn(shortfall, describeShortfall(shortfall));
    },
    stop: () => checking.stop(),
  };
}
