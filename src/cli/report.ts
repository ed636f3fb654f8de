import { countEffects } from '../domain/effects.ts';
import { evidence, mark, oldest, stepsToCome } from './describe.ts';
import { type Cell, command, count, painted, pairs, type Screen } from './layout.ts';
import type { Census, Channel, Mark, Report } from './types.ts';

/** A change of a channel; `report` is null where its target stays. */
export interface Move {
  before: Channel;
  after: Channel;
  census: Census;
  report: Report | null;
}

/** What became of a target for the reasons against it; null where they are told elsewhere. */
export type Verdict = 'refused' | 'accepted' | null;

/** What a change would do, as people read it before they decide. */
export function reportTable(screen: Screen, move: Move, verdict: Verdict): string {
  const { before, after, report, census } = move;
  const rows: Row[] = [['channel', painted(before.name, 'bold')], ...targetRows(move)];
  if (after.plan) rows.push(['then', `${stepsToCome(after.plan)}; each once it would strand nobody`]);
  else if (before.plan) rows.push(['then', `no more: the plan to ${before.plan.target} ends`]);
  for (const [label, was, is] of [
    ['critical', before.critical, after.critical],
    ['pin', before.pin, after.pin],
  ] as const) {
    if (was || is) rows.push([label, describeMark(was, is)]);
  }
  rows.push(...effectRows(move));
  if (report?.controlPlane) rows.push(['control plane', report.controlPlane]);
  if (report?.oldest) rows.push(['oldest', oldest(report.oldest)]);
  rows.push(['evidence', (report?.evidence ?? census.sources).map(evidence)]);
  if (report) rows.push(...findingRows(report, verdict), ...whoRows(move));
  return pairs(screen, rows);
}

type Row = [label: string, value: Cell | Cell[]];

function findingRows({ reasons, warnings, route }: Report, verdict: Verdict): Row[] {
  const rows: Row[] = [];
  if (verdict && reasons.length > 0) rows.push([verdict, reasons.map(({ detail }) => painted(detail, 'red'))]);
  if (verdict && route) rows.push(['route', route.join(', ')]);
  if (warnings.length > 0) rows.push(['warning', warnings.map(({ detail }) => painted(detail, 'yellow'))]);
  return rows;
}

/** Versions of agents in the way that are worth a line each. */
const MAX_BLOCKING = 3;

/** How to see the agents in the way; those that are only presumed cannot be seen. */
function whoRows({ before, census, report }: Move): Row[] {
  const blocking = new Set(report?.reasons.map(({ version }) => version));
  const known = census.versions.filter(({ version }) => blocking.has(version)).slice(-MAX_BLOCKING);
  const lines = known.map(({ version }) => command(`fairway agents --channel ${before.name} --at ${version}`));
  return lines.length === 0 ? [] : [['who', lines]];
}

function targetRows({ before, after }: Move): Row[] {
  if (before.target === after.target) return [['target', `${after.target ?? 'none'}, as before`]];
  return [
    ['from', before.target ?? 'none'],
    ['to', painted(after.target ?? 'none', 'bold')],
  ];
}

function describeMark(was: Mark | null, is: Mark | null): Cell {
  if (!is) return was ? `taken off (${mark(was)})` : null;
  return painted(mark(is), 'yellow');
}

function effectRows(move: Move): Row[] {
  const { after, census, report } = move;
  const { target, critical } = after;
  const effects = countEffects(after, census, report);
  const how = critical ? 'at once, as it is critical' : 'each in its maintenance window';
  const where = target === null ? 'where they are' : `at ${target} already`;
  return [
    ['move', effects.move === 0 ? '0' : `${count(effects.move)}, ${how}`],
    ['wait', effects.wait === 0 ? '0' : `${count(effects.wait)}, ${where}`],
    ['strand', effects.strand === 0 ? '0' : painted(count(effects.strand), 'red')],
  ];
}
