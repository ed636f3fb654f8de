import { type AuditEntry, type AuditHead, follows } from '../domain/audit.ts';
import { UsageError } from './errors.ts';

/** What the lines of an archive say. */
export interface ArchiveState {
  /** The entry that it goes on from. */
  anchor: AuditHead;
  entries: number;
  head: AuditHead;
  /** The id of the first entry that is missing or damaged. */
  brokenAt: number | null;
}

export interface ArchiveCheck {
  /** Takes the next line. Throws `UsageError` if the first one is not that of an archive. */
  add(line: string): void;
  result(): ArchiveState;
}

/** Checks an archive of the audit log line by line; `name` is what it is called in messages. */
export function checkArchive(name: string): ArchiveCheck {
  let anchor: AuditHead | null = null;
  let head: AuditHead | null = null;
  let entries = 0;
  let brokenAt: number | null = null;

  function addEntry(last: AuditHead, line: string): AuditHead {
    entries++;
    const entry = parse(line) as AuditEntry | null;
    if (entry && follows(last, entry)) return { id: entry.id, hash: entry.hash };
    brokenAt ??= last.id + 1;
    return { id: last.id + 1, hash: String(entry?.hash ?? '') };
  }

  return {
    add(line) {
      if (line === '') return;
      if (head) head = addEntry(head, line);
      else anchor = head = readAnchor(name, line);
    },
    result() {
      if (anchor && head) return { anchor, entries, head, brokenAt };
      throw new UsageError(`${name} is empty; it is not an archive of the audit log`);
    },
  };
}

function readAnchor(name: string, line: string): AuditHead {
  const { fairway, anchor } = (parse(line) ?? {}) as { fairway?: unknown; anchor?: Partial<AuditHead> };
  if (fairway === 'audit-archive' && Number.isSafeInteger(anchor?.id) && typeof anchor?.hash === 'string') {
    return { id: anchor.id as number, hash: anchor.hash };
  }
  throw new UsageError(`${name} is not an archive of the audit log; fairway audit archive writes them`);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
