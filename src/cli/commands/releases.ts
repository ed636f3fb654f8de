import type { Command } from 'commander';
import { readAll } from '../client.ts';
import type { Context } from '../context.ts';
import { readJson } from '../input.ts';
import { type Cell, item, painted, type Screen, sentence, table } from '../layout.ts';
import type { ImportResult, Release } from '../types.ts';
import { catalogueCommands } from './catalogue.ts';

/** `releases`: the catalogue. */
export function releaseCommands(program: Command, context: Context): void {
  const { api } = context;
  const releases = program.command('releases').description('show and change the catalogue of releases');

  releases
    .command('list', { isDefault: true })
    .description('list known releases, newest first')
    .action(async () => {
      const answer = await readAll<'releases', Release>(api, '/releases', 'releases');
      context.show(answer, (screen) => releaseTable(screen, answer.releases));
    });

  catalogueCommands(releases, context);

  releases
    .command('import')
    .description('import a JSON file of [{ version, date, security }]; - is standard input')
    .argument('<file>')
    .action(async (file: string) => {
      const { text: body } = await readJson(file);
      const result = await api<ImportResult>('/releases/import', { method: 'POST', body });
      context.show(result, (screen) => {
        const { imported, unchanged, skipped } = result;
        const head = `${imported} imported, ${unchanged} unchanged, ${skipped.length} skipped`;
        return [head, ...skipped.map(({ detail }) => item(screen, `skipped: ${detail}`))].join('\n');
      });
    });
}

function releaseTable(screen: Screen, releases: Release[]): string {
  if (releases.length === 0)
    return sentence(screen, 'no releases yet; to import a history: fairway releases import FILE');
  const rows = releases.map(({ version, cutAt, security, artifacts, embargoed, pulled }): Cell[] => [
    version,
    cutAt?.slice(0, 10) ?? null,
    security ? painted('yes', 'yellow') : 'no',
    artifacts.packages.state,
    pulled ? painted(`pulled: ${pulled.reason}`, 'red') : embargoed ? painted('embargoed', 'yellow') : 'ok',
  ]);
  return table(screen, ['version', 'cut', 'security', 'packages', 'state'], rows);
}
