import type { Command } from 'commander';
import { number, who } from '../../domain/words.ts';
import { readAll } from '../client.ts';
import { type ConsentOptions, requireConsent, requireTerminal, withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { describeFailure, evidence, time } from '../describe.ts';
import { EXIT, UsageError } from '../errors.ts';
import { type Cell, painted, pairs, type Screen, sentence, table } from '../layout.ts';
import type { ControlPlane, ControlPlaneReport } from '../types.ts';

/** `control-planes`: which version they run, and which they may go to. */
export function controlPlaneCommands(program: Command, context: Context): void {
  const { api } = context;
  const group = program
    .command('control-planes')
    .description('show and record the control planes that agents connect to');

  group
    .command('list', { isDefault: true })
    .description('list the control planes')
    .action(async () => {
      const answer = await readAll<'controlPlanes', ControlPlane>(api, '/control-planes', 'controlPlanes');
      context.show(answer, (screen) => controlPlaneTable(screen, answer.controlPlanes));
    });

  group
    .command('show')
    .description('show what a control plane runs, by component')
    .argument('<control-plane>')
    .action(async (name: string) => {
      const controlPlane = await api<ControlPlane>(path(name));
      context.show(controlPlane, (screen) => controlPlaneSheet(screen, controlPlane));
    });

  group
    .command('report')
    .description('record the version that a control plane runs, or those of its components')
    .argument('<control-plane>')
    .argument('[version]')
    .option('--component <name=version...>', 'instead of one version: what a component runs, auth=17.4.2; repeatable')
    .action(async (name: string, version: string | undefined, { component = [] }: { component?: string[] }) => {
      const body = readReport(version, component);
      const noted = await api<ControlPlane>(path(name), { method: 'PUT', body });
      const said = `control plane ${noted.name} runs ${versionsOf(noted)} (revision ${noted.revision})`;
      context.show(noted, (screen) => sentence(screen, said));
    });

  withConsent(group.command('delete'))
    .description('delete a control plane that no channel and no stage names')
    .argument('<control-plane>')
    .action((name: string, options: ConsentOptions) => deleteControlPlane(context, name, options));

  group
    .command('check')
    .description('check whether a control plane may go to a version; changes nothing, exits 3 if not')
    .argument('<control-plane>')
    .argument('<version>')
    .action(async (name: string, version: string) => {
      const report = await api<ControlPlaneReport>(`${path(name)}/check`, { method: 'POST', body: { version } });
      if (!report.allowed) context.exitCode = EXIT.refused;
      context.show(report, (screen) => controlPlaneReport(screen, report));
    });
}

const path = (name: string): string => `/control-planes/${encodeURIComponent(name)}`;

function controlPlaneTable(screen: Screen, controlPlanes: ControlPlane[]): string {
  if (controlPlanes.length === 0)
    return sentence(screen, 'no control planes yet; to record one: fairway control-planes report NAME VERSION');
  const fails = controlPlanes.some(({ failing }) => failing !== null);
  const rows = controlPlanes.map((controlPlane): Cell[] => {
    const { name, components, changedAt, updatedBy, failing } = controlPlane;
    const parts = components && Object.keys(components).join(', ');
    return [
      name,
      versionsOf(controlPlane),
      parts,
      time(changedAt),
      who(updatedBy),
      ...(fails ? [sourceOf(failing)] : []),
    ];
  });
  const headings = ['control plane', 'version', 'components', 'since', 'reported by', ...(fails ? ['source'] : [])];
  return table(screen, headings, rows);
}

const sourceOf = (failing: ControlPlane['failing']): Cell => failing && painted(describeFailure(failing), 'yellow');

function controlPlaneSheet(screen: Screen, controlPlane: ControlPlane): string {
  const { name, lowest, highest, components, changedAt, updatedAt, updatedBy, failing, revision } = controlPlane;
  return pairs(screen, [
    ['control plane', `${name} (revision ${revision})`],
    ['lowest', lowest],
    ['highest', highest],
    ...Object.entries(components ?? {}).map(([part, versions]): [string, Cell] => [part, versions.join(', ')]),
    ['since', time(changedAt)],
    ['reported', `${time(updatedAt)} by ${who(updatedBy)}`],
    ...(failing ? [['source', sourceOf(failing)] as [string, Cell]] : []),
  ]);
}

/** `17.4.2`, or `17.4.0 to 17.4.2` where its parts differ. */
const versionsOf = ({ lowest, highest }: ControlPlane): string =>
  lowest === highest ? lowest : `${lowest} to ${highest}`;

/** The body of a report. Throws `UsageError` unless it is either one version or components. */
function readReport(version: string | undefined, parts: string[]): object {
  if ((version === undefined) === (parts.length === 0)) {
    throw new UsageError('report either a version, or --component NAME=VERSION for each component');
  }
  if (version !== undefined) return { version };
  const components: Record<string, string[]> = {};
  for (const part of parts) {
    const [, name, runs] = /^([^=]+)=(.+)$/.exec(part) ?? [];
    if (name === undefined || runs === undefined) throw new UsageError(`${part} is not NAME=VERSION, as auth=17.4.2`);
    components[name] = [...(components[name] ?? []), ...runs.split(',')];
  }
  return { components };
}

async function deleteControlPlane(context: Context, name: string, options: ConsentOptions): Promise<void> {
  const { api, terminal } = context;
  requireTerminal(context, options);
  const controlPlane = await api<ControlPlane>(path(name));
  const remove = (query: string) => api(`${path(name)}${query}`, { method: 'DELETE', ifMatch: controlPlane.revision });
  await remove('?dryRun=true');
  if (options.dryRun) {
    const note = 'nothing was changed: this was a dry run';
    return context.show(
      controlPlane,
      (screen) => `${controlPlaneSheet(screen, controlPlane)}\n\n${sentence(screen, note)}`,
    );
  }
  if (!options.yes) terminal.say(`${controlPlaneSheet(terminal, controlPlane)}\n`);
  await requireConsent(context, options, `Delete control plane ${name}?`);
  await remove('');
  context.show({ deleted: controlPlane }, (screen) => sentence(screen, `control plane ${name} was deleted`));
}

function controlPlaneReport(screen: Screen, report: ControlPlaneReport): string {
  const { controlPlane, current, currentHighest, version, agents, stranded } = report;
  const { reasons, warnings, channels, allowed } = report;
  const from = currentHighest === null || currentHighest === current ? current : `${current} to ${currentHighest}`;
  const sheet = pairs(screen, [
    ['control plane', painted(controlPlane, 'bold')],
    ['from', from],
    ['to', painted(version, 'bold')],
    ['agents', agents],
    ['strand', stranded === 0 ? '0' : painted(number(stranded), 'red')],
    ...channels.map(({ channel, target, evidence: sources }): [string, Cell[]] => {
      return [`on ${channel}`, [`target ${target ?? 'none'}`, ...sources.map(evidence)]];
    }),
    ...(reasons.length > 0
      ? [['refused', reasons.map(({ detail }) => painted(detail, 'red'))] as [string, Cell[]]]
      : []),
    ...(warnings.length > 0
      ? [['warning', warnings.map(({ detail }) => painted(detail, 'yellow'))] as [string, Cell[]]]
      : []),
  ]);
  return `${sheet}\n\n${sentence(screen, `${controlPlane} ${allowed ? 'may' : 'may not'} go to ${version}`)}`;
}
