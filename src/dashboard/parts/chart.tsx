import type { Point, Resolution } from '../../domain/series.ts';
import { clock, count } from '../../domain/words.ts';
import type { ChartMark } from '../rollout-marks.ts';
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
  /** Oldest first. */
  marks?: ChartMark[];
}

/** A channel's agents over time: a plain drawing, in whose place a script puts one with axes and values on a screen. */
export function Chart({ channel, resolution, points, marks = [] }: ChartProps) {
  const [first, last] = [points[0], points.at(-1)];
  const shown = first && last ? marks.filter(({ at }) => at >= first.at && at <= last.at) : [];
  const span = SPANS.find((each) => each.resolution === resolution)?.words.toLowerCase();
  const way =
    first && last
      ? `, at target ${percent(first.atTarget, first.agents)} at first and ${percent(last.atTarget, last.agents)} now`
      : '';
  const name = `Agents of ${channel} over the last ${span}${way}`;
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
      <figure
        class="chart"
        data-points={JSON.stringify(columns)}
        data-marks={JSON.stringify(shown.map(({ at, words, isBad }) => [at / 1000, words, isBad]))}
        data-name={name}
      >
        {points.length > 1 ? (
          <Drawing points={points} marks={shown} name={name} />
        ) : (
          <p class="muted">A point is recorded once a minute; the line begins with the second one.</p>
        )}
        <div class="plot" hx-morph-skip-children="" />
      </figure>
      {shown.length > 0 && (
        <details>
          <summary>{count(shown.length, 'step')} of the rollout</summary>
          <ol class="marks">
            {shown.map(({ at, words, isBad }) => (
              <li>
                <ClockTime at={at} /> {isBad ? <b>{words}</b> : words}
              </li>
            ))}
          </ol>
        </details>
      )}
    </section>
  );
}

const ClockTime = ({ at }: Pick<ChartMark, 'at'>) => {
  const iso = new Date(at).toISOString();
  return <time datetime={iso}>{clock(iso)}</time>;
};

/** Draws in a box of 100 by 100, which is stretched to the available space. */
function Drawing({ points, marks, name }: { points: Point[]; marks: ChartMark[]; name: string }) {
  const [start, end] = [points[0]?.at ?? 0, points.at(-1)?.at ?? 1];
  const most = Math.max(1, ...points.map(({ agents }) => agents));
  const across = (at: number) => (((at - start) / (end - start)) * 100).toFixed(2);
  const line = (each: (typeof LINES)[number]) =>
    points.map((point) => `${across(point.at)},${(100 - (point[each] / most) * 96).toFixed(2)}`).join(' ');
  return (
    <svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%" role="img" aria-label={name}>
      {marks.map(({ at, isBad }) => (
        <line class={isBad ? 'step bad' : 'step'} x1={across(at)} x2={across(at)} y1="0" y2="100" />
      ))}
      {LINES.map((each) => (
        <polyline class={`line-${each}`} points={line(each)} />
      ))}
    </svg>
  );
}
