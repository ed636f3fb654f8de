import type { Child } from 'hono/jsx';
import type { EvidenceSummary } from '../../domain/compatibility.ts';
import { duration } from '../../domain/duration.ts';
import { count } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import { describeBasis, describeSource, doubtsOf } from './evidence-words.ts';
import { Version } from './version.tsx';
import { channelPath, SOURCE_WORDS } from './words.ts';

interface EvidenceProps {
  evidence: EvidenceSummary[];
  /** What can be done about a source. */
  actions?: (source: EvidenceSummary) => Child;
}

/** What a verdict rests on, and what each source says. */
export function EvidenceView({ evidence, actions }: EvidenceProps) {
  return (
    <div class="evidence">
      <p class="basis">{describeBasis(evidence)}</p>
      <ul class="sources" aria-label="Sources">
        {evidence.map((source) => (
          <li>
            <p>
              <b>{SOURCE_WORDS[source.source]}</b>{' '}
              <span class="mark still">{source.complete ? 'all agents' : 'some agents'}</span>
              <DoubtMarks source={source} />
            </p>
            <p>{describeFigures(source)}</p>
            {describeSource(source, evidence).map((note) => (
              <p class="muted">{note}</p>
            ))}
            {actions?.(source)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function describeFigures({ source, agents, oldest, age }: EvidenceSummary): Child {
  const old = age === null ? (source === 'presumed' ? '' : ', of unknown age') : `, ${duration(age)} old`;
  return (
    <>
      {count(agents, 'agent')}
      {oldest && (
        <>
          , the oldest at <Version version={oldest.version} />
        </>
      )}
      {old}
    </>
  );
}

const DoubtMarks = ({ source }: { source: EvidenceSummary }) => (
  <>
    {doubtsOf(source).map((doubt) => (
      <span class={doubt === 'failing' ? 'mark bad' : 'mark warn'}>{doubt}</span>
    ))}
  </>
);

/** Marks of a census whose evidence is in doubt; they lead to what is known of it. */
export function EvidenceMarks({ census: { channel, sources, uncounted } }: { census: Census }) {
  const doubts = [...new Set(sources.flatMap(doubtsOf)), ...(uncounted.length > 0 ? ['incomplete'] : [])];
  return (
    <>
      {doubts.map((doubt) => (
        <a class={doubt === 'old' || doubt === 'settling' ? 'mark warn' : 'mark bad'} href={evidencePath(channel)}>
          {doubt === 'incomplete' ? 'census incomplete' : `evidence ${doubt}`}
        </a>
      ))}
    </>
  );
}

export const evidencePath = (channel: string): string => channelPath(channel, '#evidence');
