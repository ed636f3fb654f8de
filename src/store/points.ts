import type { Point } from '../domain/series.ts';

/** A point as it is stored: `[at, agents, atTarget, behind, stranded]`. */
export const packPoint = ({ at, agents, atTarget, behind, stranded }: Point): string =>
  JSON.stringify([at, agents, atTarget, behind, stranded]);

export function unpackPoint(packed: string): Point {
  const [at, agents, atTarget, behind, stranded] = JSON.parse(packed) as [number, number, number, number, number];
  return { at, agents, atTarget, behind, stranded };
}
