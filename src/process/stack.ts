import { readFileSync } from 'node:fs';
import { SourceMap, type SourceOrigin } from 'node:module';

const HERE = new URL('.', import.meta.url).href;
const PLACE = /(file:\/\/[^\s()]*\/)([\w-]+\.js):(\d+):(\d+)/g;
const maps = new Map<string, SourceMap>();

/**
 * Names places in the bundle as in the sources. Reads the maps when it is first asked: node's `--enable-source-maps` reads
 * all of them at the start, for a quarter of the time to the first answer and 15 MiB.
 */
export function inSources(stack: string): string {
  return stack.replace(PLACE, (place, folder: string, file: string, line: string, column: string) => {
    // A fault's own words may name other files, which are none of its business.
    const origin: Partial<SourceOrigin> | undefined =
      folder === HERE ? mapOf(file)?.findOrigin(Number(line), Number(column)) : undefined;
    if (!origin?.fileName) return place;
    return `${new URL(origin.fileName, HERE).pathname}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

/** Undefined where there is none. */
function mapOf(file: string): SourceMap | undefined {
  try {
    const map = maps.get(file) ?? new SourceMap(JSON.parse(readFileSync(new URL(`${file}.map`, HERE), 'utf8')));
    maps.set(file, map);
    return map;
  } catch {
    return undefined;
  }
}
