/** A command that a page shows, and what it says that is printed. */
export interface Step {
  command: string;
  /** Null where the page shows none; `…` in it stands for anything. */
  output: string | null;
}

/** Consoles of a page, which are run; what is marked as an example is not. */
const CONSOLE = /^```console\n(.*?)\n```$/gms;

/** The commands of all consoles of a page, in turn. */
export function readSteps(page: string): Step[] {
  return [...page.matchAll(CONSOLE)].flatMap(([, session = '']) => stepsOf(session));
}

export function stepsOf(session: string): Step[] {
  return session.split(/^\$ /m).flatMap((part): Step[] => {
    const [command = '', ...lines] = part.trimEnd().split('\n');
    return command === '' ? [] : [{ command, output: lines.length > 0 ? lines.join('\n') : null }];
  });
}

/** What differs from run to run. */
const VARYING = [
  /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/,
  /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/,
  /\d+ s old/,
  /\b[0-9a-f]{64}\b/,
];

/** Matches output that is the same but for times, ages and hashes, and for what `…` leaves out. */
export function patternOf(output: string): RegExp {
  const escaped = output.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${VARYING.reduce(vary, escaped).replaceAll('…', '[^]*')}$`);
}

/** Puts `pattern` in place of what it matches in a text that was escaped for a pattern. */
function vary(escaped: string, { source }: RegExp): string {
  return escaped.replaceAll(new RegExp(source.replaceAll(String.raw`\.`, String.raw`\\\.`), 'g'), source);
}

/** The page with what was printed in place of outputs that differ, and of those that it does not show. */
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
