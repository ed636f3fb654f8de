import { TextDecoder } from 'node:util';
import { UsageError } from './errors.ts';

/** A file as people know it. */
export const nameOf = (file: string): string => (file === '-' ? 'standard input' : file);

/** Passes a stream on as UTF-8: UTF-16, as PowerShell writes it, is converted. */
export async function* asUtf8(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  let decoder: TextDecoder | null | undefined;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Buffer);
    if (decoder === undefined && bytes.length > 0) decoder = decoderOf(bytes);
    yield decoder ? Buffer.from(decoder.decode(bytes, { stream: true })) : bytes;
  }
  const rest = decoder?.decode();
  if (rest) yield Buffer.from(rest);
}

/** UTF-16 begins with its mark, or, as JSON and YAML do, with a character whose other byte is zero. */
function decoderOf([first = 0x20, second = 0x20]: Uint8Array): TextDecoder | null {
  if ((first === 0xff && second === 0xfe) || second === 0) return new TextDecoder('utf-16le');
  if ((first === 0xfe && second === 0xff) || first === 0) return new TextDecoder('utf-16be');
  return null;
}

/**
 * Returns the text of a file without a byte order mark. Throws `UsageError` with a sentence of its own for a file that
 * is empty, compressed, not UTF-8, an HTML page, or the error message of the program that should have written it.
 */
export function readText(bytes: Buffer, file: string): string {
  const name = nameOf(file);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw new UsageError(`${name} is compressed with gzip; unpack it first, with gunzip`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${name} is neither UTF-8 nor UTF-16; save it as UTF-8`);
  }
  const start = text.trimStart();
  if (start === '') throw new UsageError(`${name} is empty; the program that should have written it may have failed`);
  if (/^<(!doctype|html|\?xml)/i.test(start)) {
    throw new UsageError(`${name} is an HTML page, such as that of a sign-in or a proxy; fetch it again, signed in`);
  }
  const [message] = /^error: .{1,80}/i.exec(start) ?? [];
  if (message) throw new UsageError(`${name} is the error message of another program, "${message}"; run that again`);
  return text;
}

/** Parses the text of a JSON file. Throws `UsageError`, with a sentence of its own for one that is cut off. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = (error as Error).message;
    if (isCutOff(text)) throw new UsageError(`${nameOf(file)} ends in the middle: it was cut off; write it again`);
    throw new UsageError(`${nameOf(file)} is not JSON: ${why}`);
  }
}

/** Are brackets or a string still open at the end? */
function isCutOff(text: string): boolean {
  let open = 0;
  for (const [part] of text.matchAll(/"(?:[^"\\]|\\.)*("|$)|[[\]{}]/gs)) {
    if (part === '[' || part === '{') open++;
    else if (part === ']' || part === '}') open--;
    else if (part.length < 2 || !part.endsWith('"')) return true;
  }
  return open > 0;
}
