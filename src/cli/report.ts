import { evidence } from './describe.ts';
import { type Cell, count, painted, pairs, type Screen } from './layout.ts';
import type { Census, Channel, Report } from './types.ts';

/** A change of a channel as far as it is known: what the gate says of it is null where the target stays. */
export interface Move {
  before: Channel;
  /** The target after it; null: none. */
  to: string | null;
  /** Is it critical after it? */
  critical?: boolean;
  census: Census;
  report: Report | null;
}

/** How many agents a change moves, leaves where they are, and strands. */
export function countEffects({ to, census, report }: Move): { move: number; wait: number; strand: number } {
  const agents = report?.agents ?? census.agents;
  if (to === null) return { move: 0, wait: agents, strand: 0 };
  const strand = report?.stranded ?? 0;
  const there = census.versions.find(({ version }) => version === to)?.count ?? 0;
  const wait = Math.min(there, agents - strand);
  return { move: agents - strand - wait, wait, strand };
}

/** The report as people read it before they decide. */
export function reportTable(screen: Screen, move: Move): string {
  const { before, to, critical = false, report, census } = move;
  const effects = countEffects(move);
  const rows: [string, Cell | Cell[]][] = [
    ['channel', painted(before.name, 'bold')],
    ['from', before.target ?? 'none'],
    ['to', painted(to ?? 'none', 'bold')],
    [
      'move',
      effects.move === 0
        ? '0'
        : `${count(effects.move)}, ${critical ? 'at once, as it is critical' : 'each in its maintenance window'}`,
    ],
    [
      'wait',
      effects.wait === 0 ? '0' : `${count(effects.wait)}, ${to === null ? 'where they are' : `at ${to} already`}`,
    ],
    ['strand', effects.strand === 0 ? '0' : painted(count(effects.strand), 'red')],
  ];
  if (report?.controlPlane) rows.push(['control plane', report.controlPlane]);
  if (report?.oldest) rows.push(['oldest', `${report.oldest.version} (${count(report.oldest.count)})`]);
  rows.push(['evidence', (report?.evidence ?? census.sources).map(evidence)]);
  for (const [label, findings, style] of [
    ['refused', report?.reasons ?? [], 'red'],
    ['warning', report?.warnings ?? [], 'yellow'],
  ] as const) {
    if (findings.length > 0) rows.push([label, findings.map(({ detail }) => painted(detail, style))]);
  }
  if (report?.route) rows.push(['route', report.route.join(', ')]);
  return pairs(screen, rows);
}
