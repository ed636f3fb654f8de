import type { Store } from '../domain/store.ts';
import type { EmbeddedFiles } from './embedded-files.ts';

/** Asked within a transaction: has the lease another fence by now, or ended? No fence never falls. */
export type IsFenced = (fence: number | undefined) => boolean;

interface Lease {
  fence: number;
  /** Null once it was given back. */
  holder: string | null;
}

/** The lease verbs on LMDB: one process has the files, so the one that asks last is the leader. */
export function embeddedLease(files: EmbeddedFiles): {
  verbs: Pick<Store, 'acquireLease' | 'releaseLease'>;
  isFenced: IsFenced;
} {
  const table = files.table<Lease, string>('lease');
  const current = () => table.get('lease') ?? { fence: 0, holder: null };

  return {
    isFenced(fence) {
      const lease = current();
      return fence !== undefined && (lease.holder === null || lease.fence !== fence);
    },
    verbs: {
      async acquireLease(holder) {
        const held = await files.read(current);
        // A renewal changes nothing, so it costs no sync.
        if (held.holder === holder) return held.fence;
        return files.write(() => {
          const fence = current().fence + 1;
          table.put('lease', { fence, holder });
          return fence;
        });
      },
      releaseLease: (holder) =>
        files.write(() => {
          const lease = current();
          if (lease.holder === holder) table.put('lease', { ...lease, holder: null });
        }),
    },
  };
}
