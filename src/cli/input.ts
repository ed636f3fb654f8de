import { createReadStream, statSync } from 'node:fs';
import { UsageError } from './errors.ts';

/** What a command reads: a file, or standard input if the name is `-`. */
export interface Input {
  stream: NodeJS.ReadableStream;
  /** Bytes; null if unknown until the end. */
  size: number | null;
}

/** Throws `UsageError` if the file cannot be read, or for a terminal, where the command would wait in silence. */
export function openInput(file: string): Input {
  if (file === '-') {
    if (process.stdin.isTTY) throw new UsageError('nothing is piped in; name a file, or pipe one in');
    return { stream: process.stdin, size: null };
  }
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) throw new Error('it is a directory');
    return { stream: createReadStream(file), size: stat.isFile() ? stat.size : null };
  } catch (error) {
    // "ENOENT: no such file or directory, stat 'x'"
    const why = (error as Error).message.replace(/^E[A-Z]+: |, stat .*$/g, '');
    throw new UsageError(`${file} cannot be read: ${why}`);
  }
}

/** Bytes; twice the size of the largest document that the server accepts. */
const MAX_DOCUMENT = 8 * 1024 * 1024;

/** Reads a whole document. Throws `UsageError` if it is larger than `MAX_DOCUMENT`. */
export async function readInput(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of openInput(file).stream) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > MAX_DOCUMENT) throw new UsageError(`${file} is larger than 8 MiB; is it the right file?`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
