import { setTimeout } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { number, who } from '../../domain/words.ts';
import { readAll } from '../client.ts';
import { type ConsentOptions, requireConsent, requireTerminal, withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { describeFailure, evidence, time } from '../describe.ts';
import { EXIT, UsageError } from '../errors.ts';
import { readJson } from '../input.ts';
import { type Cell, painted, pairs, type Screen, sentence, table } from '../layout.ts';
import type { ControlPlane, ControlPlaneReport, Deployment, ImportedControlPlanes } from '../types.ts';
import { readDuration } from '../until.ts';

const STATES = ['unwanted', 'running', 'told', 'failing'];
/** Milliseconds between two looks of `wait`. */
const WAIT_EVERY = 5_000;

/** `control-planes`: which version they run, and which they may go to. */
export function controlPlaneCommands(program: Command, context: Context): void {
  const { api } = context;
  const group = program
    .command('control-planes')
    .description('show and record the control planes that agents connect to');

  group
    .command('list', { isDefault: true })
    .description('list the control planes')
    .option('--class <class>', 'only those of this class')
    .option('--wanted <version>', 'only those that should run this version')
    .option('--behind', 'only those that do not run yet what they should')
    .addOption(new Option('--state <state>', 'only those that stand so to what they should run').choices(STATES))
    .action(async (options: { class?: string; wanted?: string; behind?: true; state?: string }) => {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(options)) query.set(name, String(value));
      const list = query.size > 0 ? `/control-planes?${query}` : '/control-planes';
      const answer = await readAll<'controlPlanes', ControlPlane>(api, list, 'controlPlanes');
      context.show(answer, (screen) => controlPlaneTable(screen, answer.controlPlanes));
    });

  group
    .command('show')
    .description('show what a control plane runs, by component')
    .argument('<control-plane>')
    .action(async (name: string) => {
      const controlPlane = await api<Deployment>(path(name));
      context.show(controlPlane, (screen) => deploymentSheet(screen, controlPlane));
    });

  group
    .command('wanted')
    .description('print the version that a control plane should run; nothing if none is wanted')
    .argument('<control-plane>')
    .action(async (name: string) => {
      const { wanted } = await api<Deployment>(path(name));
      context.show({ wanted: wanted?.version ?? null }, () => wanted?.version ?? '');
    });

  group
    .command('wait')
    .description('wait until a control plane runs what it should; exits 124 if the time is up')
    .argument('<control-plane>')
    .option('--timeout <duration>', 'give up after this long: 90s, 30m, 2h', readDuration, 3_600_000)
    .action(async (name: string, { timeout }: { timeout: number }) => {
      const end = performance.now() + timeout;
      for (;;) {
        const controlPlane = await api<Deployment>(path(name));
        const isThere = controlPlane.state === 'running' || controlPlane.state === 'unwanted';
        if (isThere || performance.now() >= end) {
          if (!isThere) context.exitCode = EXIT.late;
          return context.show(controlPlane, (screen) => deploymentSheet(screen, controlPlane));
        }
        await setTimeout(Math.min(WAIT_EVERY, Math.max(end - performance.now(), 0)));
      }
    });

  group
    .command('import')
    .description(
      'record many control planes from a JSON file of [{ name, version, class, labels }]; - is standard input',
    )
    .argument('<file>')
    .action(async (file: string) => {
      const { text: body } = await readJson(file);
      const result = await api<ImportedControlPlanes>('/control-planes/import', { method: 'POST', body });
      context.show(result, () => `${result.imported} of ${result.received} were new or changed`);
    });

  group
    .command('report')
    .description('record the version that a control plane runs, or those of its components')
    .argument('<control-plane>')
    .argument('[version]')
    .option('--component <name=version...>', 'instead of one version: what a component runs, auth=17.4.2; repeatable')
    .option('--class <class>', 'the class of tenants that it belongs to')
    .option('--label <name=value...>', 'labels, which replace those before; canary=true goes first in its stage')
    .action(async (name: string, version: string | undefined, options: ReportOptions) => {
      const body = readReport(version, options);
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
  const areTenants = controlPlanes.some(({ class: its, wanted }) => its !== null || wanted !== null);
  const rows = controlPlanes.map((controlPlane): Cell[] => {
    const { name, class: its, components, wanted, state, changedAt, updatedBy, failing } = controlPlane;
    const parts = components && Object.keys(components).join(', ');
    const tenant: Cell[] = areTenants ? [its, wanted && wishCell(wanted.version, state)] : [];
    return [
      name,
      versionsOf(controlPlane),
      ...tenant,
      parts,
      time(changedAt),
      who(updatedBy),
      ...(fails ? [sourceOf(failing)] : []),
    ];
  });
  const columns = areTenants ? ['class', 'wanted'] : [];
  const last = fails ? ['source'] : [];
  return table(screen, ['control plane', 'version', ...columns, 'components', 'since', 'reported by', ...last], rows);
}

const COLOURS = { unwanted: null, running: null, told: 'yellow', failing: 'red' } as const;

function wishCell(version: string, state: ControlPlane['state']): Cell {
  const colour = COLOURS[state];
  return colour === null ? version : painted(`${version} (${state})`, colour);
}

/** What a control plane runs, what it should run, and whether that may be deployed now. */
function deploymentSheet(screen: Screen, controlPlane: Deployment): string {
  const { wanted, waits, deploy, state } = controlPlane;
  const sheet = controlPlaneSheet(screen, controlPlane);
  if (wanted === null && waits === null) return sheet;
  const may: Cell[] = !deploy
    ? []
    : deploy.allowed
      ? [`${deploy.version}, which may be deployed now`]
      : ['not now:', ...deploy.reasons.map(({ detail }) => painted(detail, 'red'))];
  const more = pairs(screen, [
    ...(wanted
      ? [
          ['wanted', wishCell(wanted.version, state)] as [string, Cell],
          ['by stage', `${wanted.stage}, since ${time(wanted.since)}`] as [string, Cell],
        ]
      : []),
    ...(waits ? [['waits', `for its turn in stage ${waits.stage}: ${waits.version}`] as [string, Cell]] : []),
    ...(may.length > 0 ? [['deploy', may] as [string, Cell[]]] : []),
  ]);
  return `${sheet}\n\n${more}`;
}

const sourceOf = (failing: ControlPlane['failing']): Cell => failing && painted(describeFailure(failing), 'yellow');

function controlPlaneSheet(screen: Screen, controlPlane: ControlPlane): string {
  const { name, lowest, highest, components, changedAt, updatedAt, updatedBy, failing, revision } = controlPlane;
  return pairs(screen, [
    ['control plane', `${name} (revision ${revision})`],
    ['lowest', lowest],
    ['highest', highest],
    ...Object.entries(components ?? {}).map(([part, versions]): [string, Cell] => [part, versions.join(', ')]),
    ...(controlPlane.class === null ? [] : [['class', controlPlane.class] as [string, Cell]]),
    ...(Object.keys(controlPlane.labels).length === 0 ? [] : [['labels', labelsOf(controlPlane)] as [string, Cell]]),
    ['since', time(changedAt)],
    ['reported', `${time(updatedAt)} by ${who(updatedBy)}`],
    ...(failing ? [['source', sourceOf(failing)] as [string, Cell]] : []),
  ]);
}

const labelsOf = ({ labels }: ControlPlane) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');

/** `17.4.2`, or `17.4.0 to 17.4.2` where its parts differ. */
const versionsOf = ({ lowest, highest }: ControlPlane): string =>
  lowest === highest ? lowest : `${lowest} to ${highest}`;

interface ReportOptions {
  component?: string[];
  class?: string;
  label?: string[];
}

/** The body of a report. Throws `UsageError` unless it is one version, components, or a class or labels alone. */
function readReport(version: string | undefined, { component: parts = [], label, ...rest }: ReportOptions): object {
  const labels = label && Object.fromEntries(label.map(readLabel));
  const settings = { ...rest, ...(labels ? { labels } : {}) };
  if (version !== undefined ? parts.length > 0 : parts.length === 0 && Object.keys(settings).length === 0) {
    throw new UsageError('report either a version, or --component NAME=VERSION for each component');
  }
  if (version !== undefined) return { version, ...settings };
  if (parts.length === 0) return settings;
  const components: Record<string, string[]> = {};
  for (const part of parts) {
    const [, name, runs] = /^([^=]+)=(.+)$/.exec(part) ?? [];
    if (name === undefined || runs === undefined)
      throw new UsageError(`--component: "${part}" is not NAME=VERSION; write it as auth=17.4.2`);
    components[name] = [...(components[name] ?? []), ...runs.split(',')];
  }
  return { components, ...settings };
}

function readLabel(text: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new UsageError(`--label: "${text}" is not NAME=VALUE; write it as region=eu-west-1`);
  return [name, value];
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
