/** One line of Prometheus' text format: a metric, its labels and its value. */
export interface Sample {
  name: string;
  labels: ReadonlyMap<string, string>;
  value: number;
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\\n]|\\[\\"n])*)"\s*(,|(?=\}))/y;
const VALUE = /\s+([+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Inf|NaN))(?:\s+-?\d+)?\s*$/y;
const ESCAPES: Record<string, string> = { '\\\\': '\\', '\\"': '"', '\\n': '\n' };

/**
 * Reads all samples of an exposition in Prometheus' text format 0.0.4, or returns what is wrong with it. Every line is
 * checked, so that a truncated answer, or a different page, is not taken for a small fleet.
 */
export function readPrometheusText(text: string): Sample[] | string {
  // "The last line must end with a line feed character."
  if (!text.endsWith('\n'))
    return text === '' ? 'the answer is empty' : 'the answer is cut off: its last line is incomplete';
  const samples: Sample[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const sample = readSample(trimmed);
    if (!sample) return `line ${index + 1} is not a sample in Prometheus' text format`;
    samples.push(sample);
  }
  return samples;
}

function readSample(line: string): Sample | null {
  const name = match(NAME, line, 0);
  if (!name) return null;
  let at = NAME.lastIndex;
  const labels = new Map<string, string>();
  if (line[at] === '{') {
    at++;
    while (line[at] !== '}') {
      const label = match(LABEL, line, at);
      if (!label) return null;
      labels.set(
        label[1] ?? '',
        (label[2] ?? '').replace(/\\[\\"n]/g, (escaped) => ESCAPES[escaped] ?? escaped),
      );
      at = LABEL.lastIndex;
    }
    at++;
  }
  const value = match(VALUE, line, at)?.[1];
  return value === undefined ? null : { name: name[0], labels, value: Number(value.replace('Inf', 'Infinity')) };
}

function match(pattern: RegExp, line: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(line);
}
