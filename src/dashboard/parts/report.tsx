import type { Report } from '../../domain/compatibility.ts';
import type { Finding } from '../../domain/finding.ts';
import { count, number } from '../../domain/words.ts';
import { EvidenceView } from './evidence.tsx';
import { Version } from './version.tsx';
import { agentsPath, channelPath, spaced } from './words.ts';

interface FindingsProps {
  findings: (Finding<string> & { channel?: string })[];
  /** The channel of the agents, for findings that do not name one. */
  channel?: string | undefined;
  kind: 'bad' | 'warn';
}

/** Findings, each with a link to the agents that it is about. */
export function Findings({ findings, channel: subject, kind }: FindingsProps) {
  if (findings.length === 0) return null;
  return (
    <ul class={`findings ${kind}`}>
      {findings.map(({ reason, version, count: agents, detail, channel = subject }) => (
        <li>
          <b>{spaced(reason)}</b>
          <span>
            {detail}
            {version !== undefined && agents !== undefined && channel !== undefined && (
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

/** The releases to go through. The first links to a roll-forward; the last link starts a stepped roll-forward. */
export function Route({ route, channel }: { route: string[]; channel: string }) {
  return (
    <p class="route">
      <b>Route:</b>
      {route.map((version, index) => (
        <>
          {index > 0 && <span aria-hidden="true">→</span>}
          {index === 0 ? (
            <a href={channelPath(channel, `/roll-forward?version=${encodeURIComponent(version)}`)}>
              <Version version={version} linked />
            </a>
          ) : (
            <Version version={version} />
          )}
        </>
      ))}
      <a href={channelPath(channel, `/roll-forward?version=${encodeURIComponent(route.at(-1) ?? '')}&stepped=true`)}>
        Go there in steps
      </a>
    </p>
  );
}

/** The verdict of the gate, with its reasons and evidence; `channel` is left out for one that does not exist yet. */
export function ReportView({ report, channel }: { report: Report; channel?: string | undefined }) {
  const { allowed, oldest, reasons, warnings, evidence, route } = report;
  return (
    <div class="report">
      <p class={allowed ? 'verdict good' : 'verdict bad'}>
        <b>{allowed ? 'Allowed' : 'Refused'}</b>
        <span>
          {describeVerdict(report)}
          {oldest && ` The oldest runs ${oldest.version}.`}
        </span>
      </p>
      <Findings findings={reasons} channel={channel} kind="bad" />
      {route && channel !== undefined && <Route route={route} channel={channel} />}
      <Findings findings={warnings} channel={channel} kind="warn" />
      <EvidenceView evidence={evidence} />
    </div>
  );
}

function describeVerdict({ allowed, target, agents, stranded, warnings }: Report): string {
  const all = count(agents, 'agent');
  if (stranded > 0) return `${target} would strand ${number(stranded)} of ${all}.`;
  if (!allowed) return `${target} would strand none of ${all}, and is refused for another reason.`;
  return warnings.some(({ reason }) => reason === 'already_stranded')
    ? `${target} strands none of ${all} that the present target does not strand already.`
    : `${target} strands none of ${all}.`;
}
