import type { Point, Resolution } from '../../domain/series.ts';
import { channelPath, percent } from './words.ts';

/** The lines of the chart, drawn in this order; the style sheet knows their colours. */
const LINES = ['agents', 'atTarget', 'behind', 'stranded'] as const;

const SPANS: { resolution: Resolution; words: string }[] = [
  { resolution: 'minute', words: 'Day' },
  { resolution: 'hour', words: '90 days' },
];

interface ChartProps {
  channel: string;
  resolution: Resolution;
  /** Oldest first. */
  points: Point[];
}

/** A channel's agents over time: a plain drawing, which a script replaces with one that has axes and values. */
export function Chart({ channel, resolution, points }: ChartProps) {
  const [first, last] = [points[0], points.at(-1)];
  const columns = [points.map(({ at }) => at / 1000), ...LINES.map((line) => points.map((point) => point[line]))];
  return (
    <section class="panel">
      <div class="heading">
        <h2>Over time</h2>
        {first && last && (
          <p class="muted">
            at target {percent(first.atTarget, first.agents)} → {percent(last.atTarget, last.agents)}
          </p>
        )}
        <nav class="tabs" aria-label="Span">
          {SPANS.map(({ resolution: span, words }) => (
            <a href={`${channelPath(channel)}?span=${span}`} aria-current={span === resolution ? 'page' : undefined}>
              {words}
            </a>
          ))}
        </nav>
      </div>
      <figure class="chart" data-points={JSON.stringify(columns)}>
        <div class="plot" hx-morph-skip-children="">
          {points.length > 1 ? (
            <Drawing points={points} />
          ) : (
            <p class="muted">A point is recorded once a minute; the line begins with the second one.</p>
          )}
        </div>
      </figure>
    </section>
  );
}

/** Draws in a box of 100 by 100, which is stretched to the available space. */
function Drawing({ points }: { points: Point[] }) {
  const [start, end] = [points[0]?.at ?? 0, points.at(-1)?.at ?? 1];
  const most = Math.max(1, ...points.map(({ agents }) => agents));
  const line = (name: (typeof LINES)[number]) =>
    points
      .map(
        (point) =>
          `${(((point.at - start) / (end - start)) * 100).toFixed(2)},${(100 - (point[name] / most) * 96).toFixed(2)}`,
      )
      .join(' ');
  return (
    <svg
      viewBox="0 0 100 100"
      preserveAspectRatio="none"
      width="100%"
      height="100%"
      role="img"
      aria-label="Agents over time"
    >
      {LINES.map((name) => (
        <polyline class={`line-${name}`} points={line(name)} />
      ))}
    </svg>
  );
}
