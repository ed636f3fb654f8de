import { afterRefusal } from '../domain/effects.ts';
import { number } from '../domain/words.ts';
import { channelPath } from './client.ts';
import { type ConsentOptions, requireConsent, requireReason, requireTerminal } from './consent.ts';
import type { Context } from './context.ts';
import { does, time } from './describe.ts';
import { ApiError, Declined, describeError, EXIT } from './errors.ts';
import { type Screen, sentence } from './layout.ts';
import { type Move, reportTable } from './report.ts';
import type { Census, Channel, ListedChange, Mark, VerbResult } from './types.ts';

/** A verb of the API with its arguments. */
export interface Steering {
  verb: 'roll-forward' | 'roll-back' | 'pin' | 'unpin' | 'critical' | 'withdraw' | 'cancel-plan' | 'release';
  channel: string;
  input?: {
    version?: string | undefined;
    critical?: boolean | undefined;
    stepped?: boolean | undefined;
    immediate?: boolean | undefined;
    overrideFreeze?: boolean | undefined;
    until?: string | undefined;
    /** ISO 8601; the change is scheduled for then. */
    at?: string | undefined;
  };
  /** The question before the change. */
  question: (after: Channel) => string;
  /** The sentence after the change. */
  done: (after: Channel) => string;
}

export interface SteerOptions extends ConsentOptions {
  reason?: string;
  /** The number of agents that it may strand, as the report states it. */
  acceptStranding?: number;
}

type Act = (how: { dryRun?: boolean; acceptStranding?: number | undefined }) => Promise<VerbResult>;
type Seen = Pick<Move, 'before' | 'census'>;

/** What is attempted on the channel as it was seen; `critical` is the mark that was asked for. */
interface Attempt {
  seen: Seen;
  critical: Mark | null;
}

/** Shows what a verb would do, asks, and does exactly that; if the channel has changed since, the server refuses. */
export async function steer(context: Context, steering: Steering, options: SteerOptions): Promise<void> {
  requireTerminal(context, options);
  const reason = await requireReason(context, options.reason);
  const seen = await look(context, steering.channel);
  const mark = { by: 'you', at: new Date().toISOString(), until: null, reason };
  const attempt: Attempt = { seen, critical: steering.input?.critical ? mark : null };
  const act: Act = (how) =>
    context.api(`${channelPath(steering.channel)}/${steering.verb}`, {
      method: 'POST',
      body: { ...steering.input, reason, ...how },
      ifMatch: seen.before.revision,
    });
  try {
    if (options.dryRun) return await showDryRun(context, seen, act, options);
    const acceptStranding = options.yes
      ? options.acceptStranding
      : await decide(context, steering, attempt, act, options);
    const result = await act({ acceptStranding });
    const { scheduled } = result;
    const what = scheduled ? describeOrder(scheduled) : steering.done(result.channel);
    const done = `${what} (revision ${number(result.channel.revision)})`;
    // A person who was asked has already seen the report.
    context.show(
      result,
      (screen) => (options.yes && !scheduled ? `${describe(screen, seen, result)}\n\n` : '') + sentence(screen, done),
    );
  } catch (error) {
    if (isRefusal(error)) context.terminal.say(`${describeRefusal(context.terminal, attempt, error)}\n`);
    throw error;
  }
}

/** What was scheduled, and how to cancel it. */
const describeOrder = (change: ListedChange): string =>
  `${change.channel}: ${does(change)} is scheduled for ${time(change.at)}; to cancel it: fairway scheduled cancel ${change.id}`;

async function look({ api }: Context, channel: string): Promise<Seen> {
  const [before, census] = await Promise.all([
    api<Channel>(channelPath(channel)),
    api<Census>(`/census?channel=${encodeURIComponent(channel)}`),
  ]);
  return { before, census };
}

async function showDryRun(context: Context, seen: Seen, act: Act, { acceptStranding }: SteerOptions): Promise<void> {
  const preview = await act({ dryRun: true, acceptStranding });
  const note = 'nothing was changed: this was a dry run';
  context.show(preview, (screen) => `${describe(screen, seen, preview)}\n\n${sentence(screen, note)}`);
}

/** Returns how many agents may be stranded, once the person at the terminal has seen the report and agreed. */
async function decide(
  context: Context,
  steering: Steering,
  attempt: Attempt,
  act: Act,
  options: SteerOptions,
): Promise<number | undefined> {
  const { acceptStranding } = options;
  let preview: VerbResult;
  try {
    preview = await act({ dryRun: true, acceptStranding });
  } catch (error) {
    if (!isRefusal(error) || acceptStranding !== undefined) throw error;
    return override(context, attempt, act, error);
  }
  context.terminal.say(`${describe(context.terminal, attempt.seen, preview)}\n`);
  const question = steering.question(preview.channel);
  const at = steering.input?.at;
  await requireConsent(context, options, at ? question.replace(/\?$/, ` at ${time(at)}?`) : question);
  return acceptStranding;
}

/** Asks for the number of stranded agents, if accepting it would help and the caller may. */
async function override({ terminal }: Context, attempt: Attempt, act: Act, refusal: Refusal): Promise<number> {
  const { stranded } = refusal.problem.report;
  const helps = await act({ dryRun: true, acceptStranding: stranded }).then(
    () => true,
    () => false,
  );
  if (!helps) throw refusal;
  terminal.say(`${describeRefusal(terminal, attempt, refusal)}\n\n${describeError(terminal, refusal)}\n`);
  const typed = await terminal.ask('To override, type the number of stranded agents (Enter: cancel):');
  if (typed.replaceAll(',', '') !== String(stranded)) throw new Declined(EXIT.refused);
  return stranded;
}

const describe = (screen: Screen, seen: Seen, { channel, report }: VerbResult): string =>
  reportTable(screen, { ...seen, after: channel, report }, 'accepted');

/** Leaves out the reasons and the route: they are in the error, which comes next. */
function describeRefusal(screen: Screen, { seen, critical }: Attempt, { problem: { report } }: Refusal): string {
  return reportTable(screen, { ...seen, after: afterRefusal(seen.before, report.target, critical), report }, null);
}

type Refusal = ApiError & { problem: { report: NonNullable<ApiError['problem']['report']> } };

const isRefusal = (error: unknown): error is Refusal =>
  error instanceof ApiError && error.problem.report !== undefined && error.problem.code === 'refused';
