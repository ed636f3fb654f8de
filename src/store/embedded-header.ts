import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { FairwayError } from '../domain/errors.ts';

/** Offsets from the start of a page, which begins with its header and the metadata (`MDB_meta` in LMDB). */
const MAGIC_AT = 24;
const FORMAT_AT = 28;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const META_LENGTH = 160;
const MAGIC = 0xbeefc0de;
/** The only format for which these offsets are known. */
const FORMAT = 2;
const LARGEST_PAGE = 65_536;

/**
 * Checks LMDB's file before LMDB opens it, because LMDB would end the process on a foreign file (SIGSEGV) or a
 * truncated one (SIGBUS). Throws `store_unavailable`.
 */
export function requireSound(directory: string): void {
  const file = join(directory, 'data.mdb');
  if (!existsSync(file)) return;
  const handle = openSync(file, 'r+');
  try {
    const { size } = fstatSync(handle);
    if (size === 0) return;
    const first = readMeta(handle, 0);
    const pageSize = first?.readUInt32LE(PAGE_SIZE_AT) ?? 0;
    const second = pageSize >= META_LENGTH && pageSize <= LARGEST_PAGE ? readMeta(handle, pageSize) : null;
    if (!first || !second) {
      throw new FairwayError('store_unavailable', `${file} is damaged, or not Fairway's; restore it from a backup`);
    }
    if (first.readUInt32LE(FORMAT_AT) !== FORMAT) return;
    const [, newest] = [first, second].map(pagesOf).sort(([a], [b]) => (a < b ? -1 : 1)) as [Pages, Pages];
    const length = Number(newest[1] + 1n) * pageSize;
    // A sound file may lack its last pages, which were never written because nothing reads them. If a file was
    // truncated, LMDB reports zeros as damage, but would not survive reading beyond the end of the file.
    if (size < length) ftruncateSync(handle, length);
  } finally {
    closeSync(handle);
  }
}

type Pages = [transaction: bigint, last: bigint];
const pagesOf = (meta: Buffer): Pages => [meta.readBigUInt64LE(TRANSACTION_AT), meta.readBigUInt64LE(LAST_PAGE_AT)];

function readMeta(handle: number, position: number): Buffer | null {
  const meta = Buffer.alloc(META_LENGTH);
  const length = readSync(handle, meta, 0, META_LENGTH, position);
  return length === META_LENGTH && meta.readUInt32LE(MAGIC_AT) === MAGIC ? meta : null;
}
