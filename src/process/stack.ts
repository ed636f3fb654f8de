import { readFileSync } from 'node:fs';
import { SourceMap, type SourceOrigin } from 'node:module';

const HERE = new URL('.', import.meta.url).href;
const PLACE = /(file:\/\/[^\s()]*\/)([\w-]+\.js):(\d+):(\d+)/g;
const maps = new Map<string, SourceMap>();

/**
 * Replaces places in the bundle by places in the sources. The source maps are read at the first call: node's
 * `--enable-source-maps` reads all of them at the start, for 15 MiB and a quarter of the time to the first answer.
 */
export function inSources(stack: string): string {
  return stack.replace(PLACE, (place, folder: string, file: string, line: string, column: string) => {
    // The message of an error may name other files, which are left alone.
    const origin: Partial<SourceOrigin> | undefined =
      folder === HERE ? mapOf(file)?.findOrigin(Number(line), Number(column)) : undefined;
    if (!origin?.fileName) return place;
    return `${new URL(origin.fileName, HERE).pathname}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

/** Undefined if the file has no map. */
function mapOf(file: string): SourceMap | undefined {
  try {
    const map = maps.get(file) ?? new SourceMap(JSON.parse(readFileSync(new URL(`${file}.map`, HERE), 'utf8')));
    maps.set(file, map);
    return map;
  } catch {
    return undefined;
  }
}
