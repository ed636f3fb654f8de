import { CommanderError } from 'commander';
import { item, type Screen, sentence } from './layout.ts';
import type { Problem } from './types.ts';

/** The exit statuses of the command line. */
export const EXIT = {
  done: 0,
  error: 1,
  /** An argument or option is wrong or missing. */
  usage: 2,
  /** The compatibility gate refused, or the answer to a `check` is no. */
  refused: 3,
  /** The state does not allow it, or someone else changed it first. */
  conflict: 4,
  /** It was done, but a failover of the store may still lose it. */
  unreplicated: 5,
  /** The time limit of a command that waits passed; as coreutils' `timeout`. */
  late: 124,
  interrupted: 130,
} as const;

/** An argument or option is wrong or missing; the message says what to type instead. */
export class UsageError extends Error {}

/** The person at the terminal said no. */
export class Declined extends Error {
  readonly exitCode: number;

  constructor(exitCode: number = EXIT.error) {
    super('nothing was changed');
    this.exitCode = exitCode;
  }
}

/** The person at the terminal pressed Ctrl-C. */
export class Interrupted extends Error {}

/** The server refused the request; `problem` is its answer. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof Declined) return error.exitCode;
  if (error instanceof Interrupted) return EXIT.interrupted;
  return error instanceof ApiError ? exitCodeOfProblem(error.problem) : EXIT.error;
}

function exitCodeOfProblem({ code, status }: Problem): number {
  if (code === 'refused' || code === 'not_promoted') return EXIT.refused;
  if (status === 409 || status === 412) return EXIT.conflict;
  return status === 400 || status === 422 ? EXIT.usage : EXIT.error;
}

/** Next steps that only the command line knows, by error code. */
const HINTS: Record<string, string> = {
  unauthenticated: 'To sign in: fairway login',
};

/** What a person reads on standard error: the API's own words; several findings get a line each. */
export function describeError(screen: Screen, error: unknown): string {
  if (!(error instanceof ApiError)) return sentence(screen, `fairway: ${(error as Error).message}`);
  const problem = nameOptions(error.problem);
  const { code, report, errors = [] } = problem;
  const reasons = report?.reasons.map(({ detail }) => detail) ?? [];
  const faults = errors.map(({ path, message }) => (path ? `${path}: ${message}` : message));
  const hint = HINTS[code];
  return [...splitFindings(screen, problem, [...reasons, ...faults]), ...(hint ? [hint] : [])].join('\n');
}

/** Fields of requests that people give as an option or an argument. Those in files have longer paths. */
const GIVEN_AS: Record<string, string> = {
  acceptStranding: '--accept-stranding',
  commit: '--commit',
  cutAt: '--cut-at',
  head: '--head',
  limit: '--limit',
  previous: '--previous',
  reason: '--reason',
  toolsVersion: '--tools-version',
  until: '--until',
  version: 'VERSION',
};

/** The same answer with the names that people type. */
function nameOptions(problem: Problem): Problem {
  // "until must lie in the future"
  let detail = problem.detail.replace(/^\w+(?= must )/, (field) => GIVEN_AS[field] ?? field);
  const errors = problem.errors?.map(({ path, message }) => {
    const name = GIVEN_AS[path] ?? path;
    detail = detail.replace(`${path}: ${message}`, `${name}: ${message}`);
    return { path: name, message };
  });
  return { ...problem, detail, ...(errors && { errors }) };
}

/** The API's sentence has all findings in a row; two or more read better as a list. */
function splitFindings(screen: Screen, { detail, title }: Problem, findings: string[]): string[] {
  const list = findings.join('; ');
  const at = detail.indexOf(list);
  if (at < 0) {
    const others = findings.filter((finding) => !detail.includes(finding));
    return [sentence(screen, `fairway: ${detail}`), ...others.map((finding) => item(screen, finding))];
  }
  if (findings.length < 2) return [sentence(screen, `fairway: ${detail}`)];
  const head = detail.slice(0, at).trimEnd() || `${title.toLowerCase()}:`;
  const rest = detail.slice(at + list.length).replace(/^\.\s*/, '');
  return [
    sentence(screen, `fairway: ${head}`),
    ...findings.map((finding) => item(screen, finding)),
    ...(rest ? [sentence(screen, rest)] : []),
  ];
}
