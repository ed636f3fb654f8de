import { readdirSync } from 'node:fs';

/** The pages whose consoles a test follows with `fairway` on PATH, each from a situation of its own. */
export const FOLLOWED: readonly string[] = [
  ...['docs/fleet.md', 'docs/operating.md', 'docs/redis.md', 'docs/rollouts.md'],
  ...readdirSync('docs/runbooks').map((name) => `docs/runbooks/${name}`),
];

/** A command of a page, and the output that the page shows. */
export interface Step {
  command: string;
  /** Null if the page shows none; `…` stands for anything. */
  output: string | null;
}

/** The consoles of a page whose commands are run; those marked as examples are not. */
const CONSOLE = /^```console\n(.*?)\n```$/gms;

/** The commands of all consoles of a page, in order. */
export function readSteps(page: string): Step[] {
  return [...page.matchAll(CONSOLE)].flatMap(([, session = '']) => stepsOf(session));
}

export function stepsOf(session: string): Step[] {
  return session.split(/^\$ /m).flatMap((part): Step[] => {
    const [command = '', ...lines] = part.trimEnd().split('\n');
    return command === '' ? [] : [{ command, output: lines.length > 0 ? lines.join('\n') : null }];
  });
}

/** Parts of the output that differ from run to run. */
const VARYING = [
  /\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)? UTC/,
  /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/,
  /\d+ s old/,
  /\b[0-9a-f]{64}\b/,
];

/** Matches output that is the same except for times, ages, hashes and what `…` leaves out. */
export function patternOf(output: string): RegExp {
  const escaped = output.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${VARYING.reduce(vary, escaped).replaceAll('…', '[^]*')}$`);
}

/** Replaces the matches of a pattern with the pattern itself, in a text that was escaped for a pattern. */
function vary(escaped: string, { source }: RegExp): string {
  return escaped.replaceAll(new RegExp(source.replaceAll(String.raw`\.`, String.raw`\\\.`), 'g'), source);
}

/** The page with the printed output wherever its own differs or is missing. */
export function withOutputs(page: string, printed: string[]): string {
  const left = [...printed];
  return page.replaceAll(CONSOLE, (_, session: string) => {
    const steps = stepsOf(session).map(({ command, output }) => {
      const now = left.shift() ?? '';
      const kept = output !== null && patternOf(output).test(now) ? output : now;
      return kept === '' ? `$ ${command}` : `$ ${command}\n${kept}`;
    });
    return `\`\`\`console\n${steps.join('\n\n')}\n\`\`\``;
  });
}
