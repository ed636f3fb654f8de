import { createReadStream, statSync } from 'node:fs';
import { UsageError } from './errors.ts';
import { asUtf8, nameOf, parseJson, readText } from './text.ts';

/** What a command reads: a file, or standard input if the name is `-`. */
export interface Input {
  /** UTF-8. */
  stream: AsyncIterable<Buffer>;
  /** Bytes; null if unknown until the end. */
  size: number | null;
}

/** Throws `UsageError` if the file cannot be read, or for a terminal, where the command would wait in silence. */
export function openInput(file: string): Input {
  if (file === '-') {
    if (process.stdin.isTTY) throw new UsageError('nothing is piped in; name a file, or pipe one in');
    return { stream: asUtf8(process.stdin), size: null };
  }
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) throw new Error('it is a directory');
    return { stream: asUtf8(createReadStream(file)), size: stat.isFile() ? stat.size : null };
  } catch (error) {
    // "ENOENT: no such file or directory, stat 'x'"
    const why = (error as Error).message.replace(/^E[A-Z]+: |, stat .*$/g, '');
    throw new UsageError(`${file} cannot be read: ${why}`);
  }
}

/** Bytes; what a usual document has at most. */
const MAX_DOCUMENT = 8 * 1024 * 1024;

/** Reads a whole document. Throws `UsageError` if it is larger than `most` bytes, or no text. */
export async function readInput(file: string, most = MAX_DOCUMENT): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of openInput(file).stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > most)
      throw new UsageError(`${nameOf(file)} is larger than ${most / 1024 / 1024} MiB; is it the right file?`);
  }
  return readText(Buffer.concat(chunks), file);
}

/** Reads a whole JSON file. Throws `UsageError`. */
export async function readJson(file: string): Promise<{ text: string; content: unknown }> {
  const text = await readInput(file);
  return { text, content: parseJson(text, file) };
}
