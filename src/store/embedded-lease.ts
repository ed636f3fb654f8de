import type { Lease as LeaseVerbs } from '../domain/store.ts';
import type { EmbeddedFiles } from './embedded-files.ts';

/** Has the lease ended, or another fence? Never true without a fence. Called within a transaction. */
export type IsFenced = (fence: number | undefined) => boolean;

interface Lease {
  fence: number;
  holder: string;
}

/** The lease verbs on LMDB. Only one process can use the files, so the last one to ask is the leader. */
export function embeddedLease(files: EmbeddedFiles): {
  verbs: LeaseVerbs;
  isFenced: IsFenced;
} {
  const table = files.table<Lease, string>('lease');
  /** Only kept in memory: a write would delay a shutdown, and the next process to ask gets the lease anyway. */
  let givenBack: number | null = null;

  return {
    isFenced: (fence) => fence !== undefined && (table.get('lease')?.fence !== fence || givenBack === fence),
    verbs: {
      async acquireLease(holder) {
        const held = await files.read(() => table.get('lease'));
        // A renewal changes nothing, so it costs no sync.
        if (held?.holder === holder && held.fence !== givenBack) return held.fence;
        return files.write(() => {
          const fence = (table.get('lease')?.fence ?? 0) + 1;
          table.put('lease', { fence, holder });
          return fence;
        });
      },
      releaseLease: (holder) =>
        files.read(() => {
          const held = table.get('lease');
          if (held?.holder === holder) givenBack = held.fence;
        }),
    },
  };
}
