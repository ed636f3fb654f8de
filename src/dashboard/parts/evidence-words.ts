import type { EvidenceSummary } from '../../domain/compatibility.ts';
import { duration } from '../../domain/duration.ts';
import { clock, count, number } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import { SOURCE_WORDS } from './words.ts';

type Source = EvidenceSummary['source'];

const NAMES: Record<Source, string> = {
  inventory: 'the inventory',
  'teleport-metrics': 'the metrics of Teleport',
  'check-ins': 'check-ins',
  presumed: 'recently served versions',
};

/** `the inventory (2 h old)` */
const named = ({ source, age }: EvidenceSummary): string =>
  age === null ? NAMES[source] : `${NAMES[source]} (${duration(age)} old)`;

const list = (words: string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

const confirms = ({ complete, fresh }: EvidenceSummary): boolean => complete && fresh;

/** What a verdict rests on, in a sentence or two. */
export function describeBasis(evidence: EvidenceSummary[]): string {
  const confirming = evidence.filter(confirms);
  // Agents that could not be counted are presumed, although a source is fresh.
  const isKnown = confirming.length > 0 && !evidence.some(({ source }) => source === 'presumed');
  if (isKnown) {
    const every = confirming.length === 1 ? 'knows every agent' : 'each know every agent';
    const also = evidence.filter((each) => !confirms(each) && each.agents > 0).map(named);
    const more = also.length > 0 ? ` It takes ${list(also)} into account as well.` : '';
    const fell = confirming.some(({ settling }) => settling) ? ' The figures before its fall count as well.' : '';
    return `Verdicts rest on ${list(confirming.map(named))}, which ${every}.${fell}${more}`;
  }
  const counted = evidence.filter(({ agents }) => agents > 0);
  const why = confirming.length > 0 ? 'Not every agent could be counted' : 'No fresh source knows every agent';
  if (counted.length === 0) return `${why}, and no agent is known, so only rules that concern no agent were checked.`;
  return `${why}, so verdicts rest on the strictest of what is known: ${list(counted.map(named))}.`;
}

/** What there is to know about one source in addition to its figures, in sentences; `others` are all sources. */
export function describeSource(source: EvidenceSummary, others: EvidenceSummary[]): string[] {
  const { complete, fresh, age, settling, failing, skipped } = source;
  if (source.source === 'presumed') {
    return [
      'Versions that the channel served recently count as one agent each, until a fresh source knows every agent.',
    ];
  }
  const held = others.some(confirms) ? '' : ' Plans and promotions wait for a fresh source.';
  const old = age === 0 ? 'It is dated in the future, so a clock was wrong' : 'It is too old to confirm a version';
  return [
    ...(complete && !fresh ? [`${old}; its agents can still refuse one.${held}`] : []),
    ...(settling
      ? [
          `It fell from ${number(settling.from)} to ${count(settling.to, 'agent')} at ${clock(settling.since)}. Both figures count, and plans and promotions wait, until a later reading or a person confirms the fall.`,
        ]
      : []),
    ...(failing ? [`It cannot be read since ${clock(failing.since)}: ${failing.fault}.`] : []),
    ...(skipped > 0 ? [`The version of ${count(skipped, 'agent')} cannot be read.`] : []),
  ];
}

/** What is wrong with a source, as marks. */
export function doubtsOf({ complete, fresh, settling, failing }: EvidenceSummary): string[] {
  return [...(complete && !fresh ? ['old'] : []), ...(settling ? ['settling'] : []), ...(failing ? ['failing'] : [])];
}

/** The evidence that a census is based on, and its age, in a few words. */
export function freshness({ sources }: Pick<Census, 'sources'>): { basis: string; age: string } {
  const best = sources.find(confirms);
  if (best) return { basis: SOURCE_WORDS[best.source], age: best.age === null ? '' : `${duration(best.age)} old` };
  if (sources.some(({ complete }) => complete)) return { basis: 'too old', age: 'renew it' };
  if (sources.some(({ source, agents }) => source === 'check-ins' && agents > 0)) {
    return { basis: 'check-ins', age: 'only some agents' };
  }
  return { basis: 'none', age: 'presumed' };
}
