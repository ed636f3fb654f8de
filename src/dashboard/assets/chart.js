// Replaces the plain drawing of a chart with one that has axes and values, and follows the page's data and theme.
// The same colours and dashes as in the style sheet.
const LINES = [
  ['Agents', '--muted', []],
  ['At target', '--at-target', []],
  ['Behind', '--behind', [6, 3]],
  ['Stranded', '--bad', [2, 2]],
];
const HEIGHT = 190;
const TWO_DAYS = 2 * 24 * 60 * 60;

const charts = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** In UTC, like every time on these pages. */
const time = (seconds) => new Date(seconds * 1000).toISOString();
const ticks = (_, places) => {
  const days = places.at(-1) - places[0] > TWO_DAYS;
  return places.map((place) => (days ? time(place).slice(5, 10) : time(place).slice(11, 16)));
};

/** Lines where a rollout took a step, each with its words where there is room. */
function drawMarks({ ctx, valToPos, bbox }, marks) {
  const { devicePixelRatio: dense } = window;
  let free = 0;
  ctx.save();
  ctx.font = `${11 * dense}px system-ui, sans-serif`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'alphabetic';
  ctx.lineWidth = dense;
  ctx.setLineDash([3 * dense, 3 * dense]);
  for (const [at, words, isBad] of marks) {
    const x = Math.round(valToPos(at, 'x', true));
    ctx.strokeStyle = colour(isBad ? '--bad' : '--unmoved');
    ctx.fillStyle = colour(isBad ? '--bad' : '--muted');
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const { width } = ctx.measureText(words);
    if (x < free || x + width > bbox.left + bbox.width) continue;
    ctx.fillText(words, x + 3 * dense, bbox.top + 10 * dense);
    free = x + width + 8 * dense;
  }
  ctx.restore();
}

function draw(figure) {
  const data = JSON.parse(figure.dataset.points);
  if (data[0].length < 2) return;
  const marks = JSON.parse(figure.dataset.marks);
  const place = figure.querySelector('.plot');
  charts.get(figure)?.destroy();
  place.replaceChildren();
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
  };
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    hooks: { drawAxes: [(chart) => drawMarks(chart, marks)] },
    scales: { y: { range: (_, _min, max) => [0, Math.max(max, 1) * 1.05] } },
    axes: [
      { ...axis, values: ticks },
      { ...axis, size: 52 },
    ],
    series: [
      { label: 'UTC', value: (_, seconds) => (seconds === null ? '--' : time(seconds).slice(0, 16).replace('T', ' ')) },
      ...LINES.map(([label, name, dash]) => ({ label, stroke: colour(name), dash, width: 2, points: { show: false } })),
    ],
  };
  const chart = new uPlot(options, data, place);
  const drawing = chart.root.querySelector('.u-wrap');
  drawing.setAttribute('role', 'img');
  drawing.setAttribute('aria-label', figure.dataset.name);
  charts.set(figure, chart);
}

const drawAll = () => document.querySelectorAll('.chart').forEach(draw);

drawAll();
document.addEventListener('htmx:after:swap', drawAll);
for (const preference of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) {
  matchMedia(preference).addEventListener('change', drawAll);
}
addEventListener('resize', () => {
  for (const [figure, chart] of charts) {
    chart.setSize({ width: figure.querySelector('.plot').clientWidth, height: HEIGHT });
  }
});
