import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { FairwayError } from '../domain/errors.ts';

/** A page's header, then the meta data as LMDB's MDB_meta has them: offsets from the start of the page. */
const MAGIC_AT = 24;
const FORMAT_AT = 28;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const META_LENGTH = 160;
const MAGIC = 0xbeefc0de;
/** The only one that these offsets are known for. */
const FORMAT = 2;
const LARGEST_PAGE = 65_536;

/**
 * Looks at LMDB's file before LMDB does: one that is not its own ends the process there (SIGSEGV), and so does one that
 * was cut short (SIGBUS). Throws `store_unavailable`.
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
    // The last pages of a sound file may never have been written, as nobody reads them. If they are read because they
    // were cut off, LMDB says of zeros that they are damaged, whereas it would not survive the end of the file.
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
