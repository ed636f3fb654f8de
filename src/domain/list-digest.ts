import { createHash } from 'node:crypto';

/** Tells lists apart by what is in them, in whatever order. */
export interface ListDigest {
  add(entry: string): void;
  /** The digest of the entries and of what the list is of: 32 digits, hex. */
  of(scope: string): string;
}

/** Sums up the SHA-256 of each entry, 128 bits of it: a sum has no order, and nobody gains by lists with the same one. */
export function createListDigest(): ListDigest {
  let [first, second] = [0n, 0n];
  return {
    add(entry) {
      const hash = createHash('sha256').update(entry).digest();
      first = BigInt.asUintN(64, first + hash.readBigUInt64BE(0));
      second = BigInt.asUintN(64, second + hash.readBigUInt64BE(8));
    },
    of: (scope) => createHash('sha256').update(`${first} ${second} ${scope}`).digest('hex').slice(0, 32),
  };
}
