import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { noteHead } from '../../src/service/audit-head.ts';

it('logs the head at the start, when it has changed, and at the end', async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line).head) });
  let head: Pick<Snapshot, 'revision' | 'hash'> | null = { revision: 1, hash: 'a' };
  const noted = noteHead({ peek: () => head as Snapshot | null }, log, 1);
  expect(lines).toEqual(['1:a']);
  head = { revision: 2, hash: 'b' };
  await vi.waitFor(() => expect(lines).toEqual(['1:a', '2:b']));
  head = { revision: 3, hash: null };
  noted.stop();
  expect(lines).toEqual(['1:a', '2:b']);
});
