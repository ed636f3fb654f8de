import { UNREADABLE } from '../domain/agent-version.ts';
import { countEffects, movesAgents } from '../domain/effects.ts';
import { number } from '../domain/words.ts';
import { does, evidence, mark, oldest, stepsToCome, time } from './describe.ts';
import { type Cell, command, painted, pairs, type Screen } from './layout.ts';
import type { Census, Channel, Hold, Mark, Report } from './types.ts';

/** A change of a channel; `report` is null if its target stays. */
export interface Move {
  before: Channel;
  after: Channel;
  census: Census;
  report: Report | null;
}

/** The label of the reasons against a target; null if they are shown elsewhere. */
export type Verdict = 'refused' | 'accepted' | null;

/** What a change would do, as people read it before they decide. */
export function reportTable(screen: Screen, move: Move, verdict: Verdict): string {
  const { before, after, report, census } = move;
  const rows: Row[] = [['channel', painted(before.name, 'bold')], ...targetRows(move)];
  if (after.plan) rows.push(['then', `${stepsToCome(after.plan)}; each as soon as it strands no agent`]);
  else if (before.plan) rows.push(['then', `nothing: the plan to ${before.plan.target} ends`]);
  for (const [label, was, is] of [
    ['critical', before.critical, after.critical],
    ['pin', before.pin, after.pin],
    ['hold', before.hold, after.hold],
  ] as const) {
    // A refused change makes no mark.
    if (verdict !== null && (was || is)) rows.push([label, describeMark(was, is)]);
  }
  const ended = verdict === null ? [] : overtaken(before, after);
  if (ended.length > 0) rows.push(['scheduled', ended]);
  rows.push(...effectRows(move));
  if (report?.controlPlane) rows.push(['control plane', report.controlPlane]);
  if (report?.oldest) rows.push(['oldest', oldest(report.oldest)]);
  rows.push(['evidence', (report?.evidence ?? census.sources).map(evidence)]);
  if (report) rows.push(...findingRows(report, verdict), ...whoRows(move));
  return pairs(screen, rows);
}

type Row = [label: string, value: Cell | Cell[]];

/** The scheduled changes that wait now, and would not happen any more. */
function overtaken(before: Channel, after: Channel): Cell[] {
  const waits = new Set(before.scheduled?.flatMap(({ id, undone }) => (undone ? [] : id)));
  return (after.scheduled ?? []).flatMap((change) =>
    change.undone && waits.has(change.id) ? `${does(change)} at ${time(change.at)} will not happen` : [],
  );
}

function findingRows({ reasons, warnings, route }: Report, verdict: Verdict): Row[] {
  const rows: Row[] = [];
  if (verdict && reasons.length > 0) rows.push([verdict, reasons.map(({ detail }) => painted(detail, 'red'))]);
  if (verdict && route) rows.push(['route', route.join(', ')]);
  if (warnings.length > 0) rows.push(['warning', warnings.map(({ detail }) => painted(detail, 'yellow'))]);
  return rows;
}

/** A word as a shell takes it literally. */
const shellWord = (text: string): string => (/^[\w.+-]+$/.test(text) ? text : `'${text}'`);

/** At most this many versions of blocking agents get a line each. */
const MAX_BLOCKING = 3;

/** Commands that list the blocking agents; agents that are only presumed cannot be listed. */
function whoRows({ before, census, report }: Move): Row[] {
  const blocking = new Set(report?.reasons.map(({ version }) => version));
  const known = census.versions.map(({ version }) => version).filter((version) => blocking.has(version));
  if (census.unreadable > 0 && blocking.has(UNREADABLE)) known.push(UNREADABLE);
  const lines = known
    .slice(-MAX_BLOCKING)
    .map((version) => command(`fairway agents --channel ${before.name} --version ${shellWord(version)}`));
  return lines.length === 0 ? [] : [['who', lines]];
}

function targetRows({ before, after }: Move): Row[] {
  if (before.target === after.target) return [['target', `${after.target ?? 'none'}, unchanged`]];
  return [
    ['from', before.target ?? 'none'],
    ['to', painted(after.target ?? 'none', 'bold')],
  ];
}

function describeMark(was: Mark | Hold | null, is: Mark | Hold | null): Cell {
  if (!is) return was ? `removed (${mark(was)})` : null;
  return painted(mark(is), 'yellow');
}

function effectRows(move: Move): Row[] {
  const { before, after, census, report } = move;
  if (!movesAgents(before, after)) return [['agents', 'none moves because of this change']];
  const { target, critical } = after;
  const { up, back, stay, strand, already } = countEffects(after, census, report);
  const how = critical ? 'at once, because it is critical' : 'each in its maintenance window';
  const where = target === null ? 'where they are' : `already at ${target}`;
  const amount = (agents: number, words: string) => (agents === 0 ? '0' : `${number(agents)}, ${words}`);
  const rest = already === 0 ? '' : `, and ${number(already)} that the present target strands already`;
  return [
    ['go up', amount(up, how)],
    ['go back', back === 0 ? '0' : painted(amount(back, how), 'yellow')],
    ['stay', amount(stay, where)],
    ['strand', strand + already === 0 ? '0' : painted(`${number(strand)}${rest}`, 'red')],
  ];
}
