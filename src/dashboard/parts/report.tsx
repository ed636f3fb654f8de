import type { Finding, Report } from '../../domain/compatibility.ts';
import { duration } from '../../domain/duration.ts';
import { count, number } from '../../domain/words.ts';
import { agentsPath, channelPath } from './words.ts';

type Evidence = Report['evidence'][number];

interface FindingsProps {
  findings: (Finding<string> & { channel?: string })[];
  /** The channel of the agents, for findings that do not name one. */
  channel?: string;
  kind: 'bad' | 'warn';
}

/** Findings, each with a link to the agents that it is about. */
export function Findings({ findings, channel: subject, kind }: FindingsProps) {
  if (findings.length === 0) return null;
  return (
    <ul class={`findings ${kind}`}>
      {findings.map(({ reason, version, detail, channel = subject }) => (
        <li>
          <code>{reason}</code>
          <span>
            {detail}
            {version !== undefined && channel !== undefined && (
              <>
                {' '}
                <a href={agentsPath(channel, version)}>See these agents</a>
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

const ageOf = ({ age, source, fresh }: Evidence) => {
  const stale = fresh ? '' : ', too old to count';
  if (age !== null) return `${duration(age)} old${stale}`;
  return source === 'presumed' ? 'recently served targets' : `as agents poll${stale}`;
};

/** The evidence behind a verdict. */
export function EvidenceTable({ evidence }: { evidence: Evidence[] }) {
  return (
    <table class="evidence">
      <thead>
        <tr>
          <th scope="col">Evidence</th>
          <th scope="col" class="num">
            Agents
          </th>
          <th scope="col">Oldest</th>
          <th scope="col">Age</th>
        </tr>
      </thead>
      <tbody>
        {evidence.map((row) => (
          <tr class={row.fresh ? undefined : 'muted'}>
            <td>
              {row.source} <small class="muted">{row.complete ? 'all agents' : 'some agents'}</small>
            </td>
            <td class="num">{number(row.agents)}</td>
            <td>
              <code>{row.oldest?.version ?? '–'}</code>
            </td>
            <td>{ageOf(row)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The releases to go through. The first links to a roll-forward; the last link starts a stepped roll-forward. */
export function Route({ route, channel }: { route: string[]; channel: string }) {
  return (
    <p class="route">
      <b>Route:</b>
      {route.map((version, index) => (
        <>
          {index > 0 && <span aria-hidden="true">→</span>}
          {index === 0 ? (
            <a href={channelPath(channel, `/roll-forward?version=${encodeURIComponent(version)}`)}>{version}</a>
          ) : (
            <code>{version}</code>
          )}
        </>
      ))}
      <a href={channelPath(channel, `/roll-forward?version=${encodeURIComponent(route.at(-1) ?? '')}&stepped=true`)}>
        Go there in steps
      </a>
    </p>
  );
}

/** The verdict of the gate, with its reasons and evidence. */
export function ReportView({ report, channel }: { report: Report; channel: string }) {
  const { allowed, target, agents, stranded, oldest, reasons, warnings, evidence, route } = report;
  return (
    <div class="report">
      <p class={allowed ? 'verdict good' : 'verdict bad'}>
        <b>{allowed ? 'Allowed' : 'Refused'}</b>
        <span>
          {allowed
            ? `${target} strands none of ${count(agents, 'agent')}.`
            : `${target} would strand ${number(stranded)} of ${count(agents, 'agent')}.`}
          {oldest && ` The oldest runs ${oldest.version}.`}
        </span>
      </p>
      <Findings findings={reasons} channel={channel} kind="bad" />
      {route && <Route route={route} channel={channel} />}
      <Findings findings={warnings} channel={channel} kind="warn" />
      <EvidenceTable evidence={evidence} />
    </div>
  );
}
