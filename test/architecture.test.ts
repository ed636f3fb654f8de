import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** What may be imported: parts of `src` (`domain/` with all below it, or one file) and packages. */
interface Layer {
  from: string[];
  packages: RegExp;
  /** The same for imports that leave nothing at run time. */
  types?: string[];
  typePackages?: RegExp;
}

const NONE = /^$/;
const ANY = /./;

const LAYERS: Record<string, Layer> = {
  'domain/': { from: ['domain/'], packages: /^(semver(\/.+)?|temporal-polyfill|node:crypto)$/ },
  // Pure parts of Node, a timer and turns; no file, socket or framework.
  'service/': {
    from: ['domain/', 'service/', 'process/repeat.ts', 'process/turns.ts', 'process/warnings.ts'],
    packages: /^node:(crypto|util)$/,
    typePackages: /^pino$/,
  },
  'store/': {
    from: ['domain/', 'store/', 'process/turns.ts'],
    packages: /^(ioredis|lmdb|node:(fs|net|path|timers)(\/promises)?)$/,
    typePackages: /^pino$/,
  },
  'peers/': { from: ['domain/', 'peers/'], packages: /^node:https?$/ },
  // Handlers pick the services that they need, by type only. Files and the API write groups and windows alike.
  'http/': {
    from: ['domain/', 'service/', 'http/', 'process/turns.ts', 'config/rollout.ts'],
    types: ['services.ts'],
    packages: ANY,
  },
  'dashboard/': { from: ['domain/', 'service/', 'dashboard/', 'http/'], types: ['services.ts'], packages: ANY },
  // Wraps what it is handed, and alone knows OpenTelemetry.
  'tracing/': {
    from: ['domain/', 'tracing/'],
    types: ['service/', 'peers/'],
    packages: /^(@opentelemetry\/.+|node:async_hooks)$/,
    typePackages: /^pino$/,
  },
  'config/': { from: ['domain/', 'config/'], packages: ANY },
  'process/': { from: ['process/'], packages: ANY },
  // What a change does to agents is counted alike on the page and at the terminal.
  'cli/report.ts': {
    from: ['cli/', 'domain/agent-version.ts', 'domain/effects.ts', 'domain/words.ts'],
    packages: NONE,
  },
  // Settings are checked as a server checks them.
  'cli/commands/config.ts': {
    from: ['cli/', 'config/check.ts', 'domain/words.ts'],
    packages: /^(commander|node:(fs|url))$/,
  },
  // An archive of the audit log is verified without a server.
  'cli/archive-file.ts': { from: ['cli/', 'domain/audit.ts'], packages: NONE },
  // What works without a server.
  'cli/offline.ts': { from: ['cli/', 'domain/'], packages: NONE },
  // Numbers, durations and actors read alike on the page and at the terminal; marks, sources and effects have one name.
  'cli/': {
    from: [
      ...['cli/', 'version.ts', 'domain/duration.ts', 'domain/words.ts'],
      ...['domain/agent.ts', 'domain/effects.ts', 'domain/moment.ts', 'domain/survey.ts'],
    ],
    types: ['http/schemas/'],
    packages: ANY,
  },
  'version.ts': { from: [], packages: NONE },
};

const PARTS = ['config/', 'dashboard/', 'domain/', 'http/', 'peers/', 'process/', 'service/', 'store/', 'tracing/'];

/** The loose files, the listeners and the metrics wire the layers together. */
const WIRING: Layer = { from: PARTS, packages: ANY };
const isWiring = (file: string) =>
  file !== 'main.ts' && (!file.includes('/') || within(file, ['listeners/', 'metrics/']));

/** Where the environment may be read. */
const READS_ENVIRONMENT = /^(main\.ts$|config\/|cli\/)/;

/** What makes a function depend on more than its arguments. */
const IMPURE: [RegExp, string][] = [
  [/\bDate\.now\b/, 'Date.now'],
  [/\bnew Date\b(?!\()|\bnew Date\(\s*\)|(?<!new )\bDate\(/, 'new Date() without an argument'],
  [/\b(process|globalThis|performance|console|navigator)\b\s*[.[]/, 'a global of the process'],
  [/\b(fetch|setTimeout|setInterval|setImmediate|queueMicrotask|structuredClone\.bind|require)\s*\(/, 'I/O or a timer'],
  [/\bMath\.random\b|\brandom(UUID|Bytes|Int)\b/, 'chance'],
];

interface Import {
  specifier: string;
  type: boolean;
}

const withoutComments = (source: string) => source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$|(?<=[\s;,{}])\/\/.*$/gm, '');

function importsOf(source: string): Import[] {
  const code = withoutComments(source);
  const statements = /^\s*(?:import|export)\b(\s+type\b(?!\s+from\b))?[^;'"]*?\bfrom\s*['"]([^'"]+)['"]/gm;
  const others = /^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  return [
    ...[...code.matchAll(statements)].map(([, type, specifier = '']) => ({ specifier, type: type !== undefined })),
    ...[...code.matchAll(others)].map(([, bare, dynamic]) => ({ specifier: bare ?? dynamic ?? '', type: false })),
  ];
}

const within = (file: string, places: string[]) =>
  places.some((place) => (place.endsWith('/') ? file.startsWith(place) : file === place));

/** What is wrong with a file of `src`, in sentences. */
function faultsOf(file: string, source: string): string[] {
  const name = Object.keys(LAYERS).find((place) => within(file, [place]));
  const layer = name ? LAYERS[name] : isWiring(file) || file === 'main.ts' ? WIRING : null;
  if (!layer) return [`${file} belongs to no layer: give it one in test/architecture.test.ts`];
  const faults: string[] = [];
  for (const { specifier, type } of importsOf(source)) {
    const imported = specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : null;
    const allowed = imported
      ? within(imported, layer.from) ||
        (layer === WIRING && isWiring(imported)) ||
        (type && within(imported, layer.types ?? []))
      : layer.packages.test(specifier) || (type && layer.typePackages?.test(specifier));
    if (!allowed) faults.push(`${file} imports ${imported ?? specifier}`);
    const resource = /^http\/operator\/(?!route\.ts)/;
    if (imported && resource.test(file) && resource.test(imported)) faults.push(`${file} imports its peer ${imported}`);
  }
  const code = withoutComments(source);
  if (/\bprocess\.env\b/.test(code) && !READS_ENVIRONMENT.test(file)) faults.push(`${file} reads the environment`);
  if (name === 'domain/') {
    for (const [pattern, what] of IMPURE) if (pattern.test(code)) faults.push(`${file} uses ${what}`);
  }
  return faults;
}

const SRC = fileURLToPath(new URL('../src', import.meta.url));

const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name).slice(SRC.length + 1));

const read = (file: string) => readFileSync(join(SRC, file), 'utf8');

describe('the sources', () => {
  it.each(files)('%s imports and uses only what its layer may', (file) => {
    expect(faultsOf(file, read(file))).toEqual([]);
  });

  it('import files that are there, each found by this test', () => {
    const imported = files.flatMap((file) => localImports(file, read(file)));
    expect(imported.length).toBeGreaterThan(files.length);
    expect(imported.filter((file) => !files.includes(file) && !/\.(json|css|sql|lua)$/.test(file))).toEqual([]);
  });

  it('import each other in no circle, types included', () => {
    expect(circlesOf(new Map(files.map((file) => [file, read(file)])))).toEqual([]);
  });
});

/** The files that import themselves by way of others, if only for a type. */
function circlesOf(sources: Map<string, string>): string[] {
  const graph = new Map([...sources].map(([file, source]) => [file, localImports(file, source)]));
  return [...sources.keys()].filter((file) => reaches(graph, file, file));
}

function localImports(file: string, source: string): string[] {
  return importsOf(source).flatMap(({ specifier }) =>
    specifier.startsWith('.') ? [posix.join(dirname(file), specifier)] : [],
  );
}

function reaches(graph: Map<string, string[]>, from: string, to: string, seen = new Set<string>()): boolean {
  return (graph.get(from) ?? []).some((next) => {
    if (next === to) return true;
    if (seen.has(next)) return false;
    seen.add(next);
    return reaches(graph, next, to, seen);
  });
}

describe('this test finds', () => {
  it.each<[string, string, string]>([
    ['a domain that knows a store', 'domain/a.ts', `import { x } from '../store/redis.ts';`],
    ['a domain that knows a service', 'domain/a.ts', `import type { X } from '../service/state.ts';`],
    ['a domain with a framework', 'domain/a.ts', `import { z } from 'zod';`],
    ['a domain with files', 'domain/a.ts', `import { readFileSync } from 'node:fs';`],
    ['a domain with a log', 'domain/a.ts', `import type { Logger } from 'pino';`],
    ['a domain that hands on', 'domain/a.ts', `export * from '../http/errors.ts';`],
    ['a domain that loads late', 'domain/a.ts', `const x = await import('node:fs');`],
    ['a domain with a side effect', 'domain/a.ts', `import '../process/log.ts';`],
    ['a domain with a clock', 'domain/a.ts', 'const t = Date.now();'],
    ['a domain with another clock', 'domain/a.ts', 'const t = new Date();'],
    ['a domain with a third clock', 'domain/a.ts', 'const t = performance.now();'],
    ['a domain with a clock without parentheses', 'domain/a.ts', 'const t = +new Date;'],
    ['a domain with a clock handed on', 'domain/a.ts', 'export const now = Date.now;'],
    ['a domain with settings', 'domain/a.ts', 'const x = process.argv;'],
    ['a domain that waits', 'domain/a.ts', 'setTimeout(run, 5);'],
    ['a domain that throws dice', 'domain/a.ts', 'const x = Math.random();'],
    ['a service that knows Redis', 'service/a.ts', `import { openRedisStore } from '../store/redis.ts';`],
    ['a service that knows HTTP', 'service/a.ts', `import type { X } from '../http/errors.ts';`],
    ['a service that writes a log of its own', 'service/a.ts', `import { pino } from 'pino';`],
    ['a service that imports over lines', 'service/a.ts', `import {\n  a,\n  b,\n} from '../store/open.ts';`],
    ['a service that reads the environment', 'service/a.ts', 'const x = process.env.HOME;'],
    ['a route that knows a store', 'http/public.ts', `import type { X } from '../store/open.ts';`],
    ['a store that knows a service', 'store/redis.ts', `import { X } from '../service/state.ts';`],
    ['a store that knows a route', 'store/redis.ts', `import { X } from '../http/errors.ts';`],
    ['a route that wires services', 'http/operator.ts', `import { createServices } from '../services.ts';`],
    ['a resource that knows another', 'http/operator/agents.ts', `import { x } from './channels.ts';`],
    ['a route with metrics of its own', 'http/public.ts', `import { createMetrics } from '../metrics/registry.ts';`],
    ['a command line that knows the domain', 'cli/main.ts', `import { x } from '../domain/version.ts';`],
    ['a command line that knows a service', 'cli/main.ts', `import type { X } from '../service/channels.ts';`],
    [
      'a command line that checks by schemas itself',
      'cli/main.ts',
      `import { Channel } from '../http/schemas/channels.ts';`,
    ],
    ['a file that starts the program', 'server.ts', `import { x } from './main.ts';`],
    ['wiring that reads the environment', 'server.ts', 'const x = process.env.HOME;'],
    ['a file without a layer', 'utils/strings.ts', ''],
  ])('%s', (_, file, source) => {
    expect(faultsOf(file, source)).toHaveLength(1);
  });

  it('a circle of types', () => {
    const sources = new Map([
      ['domain/a.ts', `import type { B } from './b.ts';`],
      ['domain/b.ts', `import { c } from './c.ts';`],
      ['domain/c.ts', `import { type A, a } from './a.ts';`],
      ['domain/d.ts', `import type { A } from './a.ts';`],
    ]);
    expect(circlesOf(sources)).toEqual(['domain/a.ts', 'domain/b.ts', 'domain/c.ts']);
  });

  it.each<[string, string, string]>([
    ['a domain that is handed its time', 'domain/a.ts', `export const a = (at: Date) => new Date(at.getTime() + 1);`],
    ['a clock in a comment', 'domain/a.ts', `// not Date.now()\n/** nor new Date() */`],
    ['Node’s hashes', 'domain/a.ts', `import { createHash } from 'node:crypto';`],
    ['the type of a log', 'service/a.ts', `import type { Logger } from 'pino';`],
    ['what resources share', 'http/operator/agents.ts', `import { guarded } from './route.ts';`],
    ['the schemas in the command line', 'cli/main.ts', `import type { X } from '../http/schemas/channels.ts';`],
    ['the environment in the command line', 'cli/main.ts', 'const x = process.env.FAIRWAY_URL;'],
  ])('nothing wrong with %s', (_, file, source) => {
    expect(faultsOf(file, source)).toEqual([]);
  });
});
