import { Argument, type Command } from 'commander';
import { parse } from 'yaml';
import { countEffects, type Effects } from '../../domain/effects.ts';
import { count } from '../../domain/words.ts';
import {
  type ConsentOptions,
  readCount,
  requireConsent,
  requireReason,
  requireTerminal,
  withConsent,
} from '../consent.ts';
import { type Context, toYaml } from '../context.ts';
import { alarming } from '../describe.ts';
import { difference } from '../difference.ts';
import { UsageError } from '../errors.ts';
import { readInput } from '../input.ts';
import { type Screen, sentence, table } from '../layout.ts';
import type { ApplyResult, AuditEntry, Census, Channel, RecoveryResult, StateDocument } from '../types.ts';

/** Milliseconds for the state of a large installation. */
const PATIENT_MS = 600_000;
/** Bytes. */
const MAX_STATE = 512 * 1024 * 1024;
const MAX_BODY = 4 * 1024 * 1024;
const LINES = 'application/x-ndjson';
/** Documents in a line. */
const AT_ONCE = 50;

/** The lists that the lines of an export hold, in one document. */
function joined(lines: Partial<StateDocument>[]): StateDocument {
  const all: Record<string, unknown[]> = { channels: [], controlPlanes: [], releases: [], promotions: [] };
  for (const { fairway: _, ...parts } of lines) {
    for (const [name, items] of Object.entries(parts)) {
      all[name] ??= [];
      all[name].push(...items);
    }
  }
  return { fairway: 1, ...all };
}

/** What is sent of a document: itself, or lines of JSON, because a server takes only so much in one piece. */
function formOf(text: string): { body: string; contentType: string } {
  // YAML is a superset of JSON, so one content type serves both.
  if (text.length <= MAX_BODY) return { body: text, contentType: 'application/yaml' };
  const document: unknown = /^\s*\{/.test(text) ? JSON.parse(text) : parse(text);
  if (typeof document !== 'object' || document === null) throw new UsageError('the document is not a mapping');
  return { body: [...linesOf(document as Record<string, unknown>)].join(''), contentType: LINES };
}

function* linesOf({ fairway, ...parts }: Record<string, unknown>): Generator<string> {
  for (const [name, items] of Object.entries(parts)) {
    const list = Array.isArray(items) ? items : [items];
    for (let start = 0; start < list.length; start += AT_ONCE) {
      const some = Array.isArray(items) ? list.slice(start, start + AT_ONCE) : items;
      yield `${JSON.stringify({ fairway, [name]: some })}\n`;
    }
  }
}

/** `export` and `apply`: the control state as one document; `recover`: which state counts after a loss. */
export function stateCommands(program: Command, context: Context): void {
  const { api, terminal } = context;

  program
    .command('export')
    .description('print the control state as one document: YAML, or JSON with -o json')
    .action(async () => {
      const lines = await api<Partial<StateDocument>[]>('/export', { accept: LINES, deadline: PATIENT_MS });
      const state = joined(lines);
      context.show(state, () => toYaml(state));
    });

  withConsent(program.command('apply'))
    .description('make the state agree with a document; what it leaves out stays')
    .argument('<file>', 'YAML or JSON, as export prints it; - is standard input')
    .option('--override-freeze', 'although a freeze holds (needs the role admin)')
    .action(async (file: string, options: ConsentOptions & { overrideFreeze?: boolean }) => {
      requireTerminal(context, options);
      const document = formOf(await readInput(file, MAX_STATE));
      const send = (dryRun: boolean, ifMatch: number) =>
        api<ApplyResult>(`/apply?dryRun=${dryRun}${options.overrideFreeze ? '&overrideFreeze=true' : ''}`, {
          method: 'POST',
          ...document,
          ifMatch,
          deadline: PATIENT_MS,
        });

      const revision = await readRevision(context);
      const preview = await send(true, revision);
      const moves = await readMoves(context, preview);
      const shown = (screen: Screen) =>
        [difference(screen, preview.changes), ...moreOf(preview), ...movesTable(screen, moves)].join('\n\n');
      if (options.dryRun || preview.total === 0) {
        return context.show(preview, (screen) => describe(screen, preview, shown, options));
      }
      if (!options.yes) terminal.say(`${shown(terminal)}\n`);
      await requireConsent(context, options, `Apply ${changes(preview)}?`);
      const result = await send(false, revision);
      return context.show(result, (screen) => {
        const done = `${changes(result)} applied (revision ${result.audit?.revision})`;
        return options.yes ? `${shown(screen)}\n\n${done}` : done;
      });
    });

  withConsent(program.command('recover'))
    .description('decide which state counts after the store has lost changes')
    .addArgument(
      new Argument(
        '[keep]',
        'served: restore what this server serves; stored: accept what the store holds; default: the longer history',
      ).choices(['served', 'stored']),
    )
    .option('-r, --reason <text>', 'why, for the audit log')
    .option('--accept-stranding <n>', 'override a refusal and strand n agents, in all channels together', readCount)
    .action(async (keep: string | undefined, options: RecoverOptions) => {
      requireTerminal(context, options);
      const reason = options.dryRun ? (options.reason ?? 'dry run') : await requireReason(context, options.reason);
      const { acceptStranding } = options;
      const decide = (dryRun: boolean) =>
        api<RecoveryResult>('/recovery', { method: 'POST', body: { keep, reason, acceptStranding, dryRun } });
      const preview = await decide(true);
      if (options.dryRun) return context.show(preview, (screen) => describeRecovery(screen, preview));
      if (!options.yes) terminal.say(`${describeRecovery(terminal, preview)}\n`);
      const question = preview.keep === 'served' ? 'Restore what is served?' : 'Accept what the store holds?';
      await requireConsent(context, options, question);
      const result = await decide(false);
      return context.show(result, (screen) => {
        const done = `the ${result.keep} state was kept (revision ${result.audit?.revision})`;
        return options.yes ? `${describeRecovery(screen, result)}\n\n${done}` : done;
      });
    });
}

interface RecoverOptions extends ConsentOptions {
  reason?: string;
  acceptStranding?: number;
}

function describeRecovery(screen: Screen, { loss, keep, longer, channels, pulled, changes }: RecoveryResult): string {
  const { served, stored } = loss;
  const isLonger = served === stored ? 'both histories are alike long' : `the ${longer} history is longer`;
  const lost = sentence(
    screen,
    `revision ${served} is served, and the store is at revision ${stored} of another history; ${isLonger}; ` +
      `the ${keep} state will be kept`,
  );
  if (changes.length === 0) return `${lost}\n\nboth hold the same channels, releases and control planes`;
  const target = (version: string | null) => version ?? 'none';
  const moves = channels.map((each) => [each.channel, target(each.served), target(each.stored), target(each.to)]);
  const rows = changes.map(({ key, change }) => [change, key]);
  return [
    lost,
    ...(moves.length > 0 ? [table(screen, ['channel', 'served', 'stored', 'afterwards'], moves)] : []),
    ...(pulled.length > 0 ? [sentence(screen, `${pulled.join(', ')} stays pulled: a pull is never taken back`)] : []),
    table(screen, ['change', 'document'], rows),
  ].join('\n\n');
}

/** The revision of the whole state is the id of its last change. */
async function readRevision({ api }: Context): Promise<number> {
  const { entries } = await api<{ entries: AuditEntry[] }>('/audit?limit=1');
  return entries[0]?.revision ?? 0;
}

const changes = ({ total }: ApplyResult): string => count(total, 'change');

const moreOf = ({ total, changes }: ApplyResult): string[] =>
  total > changes.length ? [`and ${count(total - changes.length, 'more change')}`] : [];

/** What a document does to the agents of a channel whose target it moves. */
interface Moved extends Effects {
  channel: string;
}

/** A channel that does not exist yet has no agents. */
async function readMoves({ api }: Context, { changes }: ApplyResult): Promise<Moved[]> {
  const moved = changes.flatMap(({ before, after }) => {
    const { name, target } = after as Partial<Channel>;
    return before && name !== undefined && target && target !== before.target ? [{ name, target }] : [];
  });
  const moves = moved.map(async ({ name, target }) => {
    const census = await api<Census>(`/census?channel=${encodeURIComponent(name)}`);
    return { channel: name, ...countEffects({ target }, census, null) };
  });
  return Promise.all(moves);
}

function movesTable(screen: Screen, moves: Moved[]): string[] {
  if (moves.length === 0) return [];
  const rows = moves.map(({ channel, up, back, stay, strand }) => [channel, up, back, stay, alarming(strand)]);
  return [table(screen, ['channel', 'go up', 'go back', 'stay', 'strand'], rows)];
}

function describe(
  screen: Screen,
  preview: ApplyResult,
  shown: (screen: Screen) => string,
  { dryRun }: ConsentOptions,
): string {
  if (preview.total === 0) return sentence(screen, 'the state already agrees with the document');
  const note = dryRun ? `nothing was changed: this was a dry run of ${changes(preview)}` : '';
  return `${shown(screen)}\n\n${sentence(screen, note)}`;
}
