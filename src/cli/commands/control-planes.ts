import type { Command } from 'commander';
import { number, who } from '../../domain/words.ts';
import type { Context } from '../context.ts';
import { evidence, time } from '../describe.ts';
import { EXIT } from '../errors.ts';
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
      const answer = await api<{ controlPlanes: ControlPlane[] }>('/control-planes');
      context.show(answer, (screen) => controlPlaneTable(screen, answer.controlPlanes));
    });

  group
    .command('report')
    .description('record the version that a control plane runs')
    .argument('<control-plane>')
    .argument('<version>')
    .action(async (name: string, version: string) => {
      const noted = await api<ControlPlane>(path(name), { method: 'PUT', body: { version } });
      const said = `control plane ${noted.name} runs ${noted.version} (revision ${noted.revision})`;
      context.show(noted, (screen) => sentence(screen, said));
    });

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
  const rows = controlPlanes.map(({ name, version, updatedAt, updatedBy }): Cell[] => {
    return [name, version, time(updatedAt), who(updatedBy)];
  });
  return table(screen, ['control plane', 'version', 'since', 'reported by'], rows);
}

function controlPlaneReport(screen: Screen, report: ControlPlaneReport): string {
  const { controlPlane, current, version, agents, stranded, reasons, channels, allowed } = report;
  const sheet = pairs(screen, [
    ['control plane', painted(controlPlane, 'bold')],
    ['from', current],
    ['to', painted(version, 'bold')],
    ['agents', agents],
    ['strand', stranded === 0 ? '0' : painted(number(stranded), 'red')],
    ...channels.map(({ channel, target, evidence: sources }): [string, Cell[]] => {
      return [`on ${channel}`, [`target ${target ?? 'none'}`, ...sources.map(evidence)]];
    }),
    ...(reasons.length > 0
      ? [['refused', reasons.map(({ detail }) => painted(detail, 'red'))] as [string, Cell[]]]
      : []),
  ]);
  return `${sheet}\n\n${sentence(screen, `${controlPlane} ${allowed ? 'may' : 'may not'} go to ${version}`)}`;
}
