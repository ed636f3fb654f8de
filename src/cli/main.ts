import { readFileSync } from 'node:fs';
import type { z } from '@hono/zod-openapi';
import { Command } from 'commander';
import type { ImportResult } from '../http/schemas.ts';
import { version } from '../version.ts';
import { type Api, createClient } from './client.ts';

const program = new Command('fairway')
  .description('Steers which version automatic Teleport agent upgrades go to.')
  .version(version)
  .option('--url <url>', 'operator listener (or FAIRWAY_URL)', process.env.FAIRWAY_URL ?? 'http://127.0.0.1:8081')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

function connect(): Api {
  const token = process.env.FAIRWAY_TOKEN;
  if (!token) throw new Error('set FAIRWAY_TOKEN to your token');
  return createClient(program.opts<{ url: string }>().url, token);
}

program
  .command('releases')
  .description('the catalogue of known releases')
  .command('import <file>')
  .description('take over a JSON file of [{ version, date, security }]')
  .action(async (file: string) => {
    const result = await connect()<z.infer<typeof ImportResult>>('/releases/import', {
      method: 'POST',
      body: readFileSync(file, 'utf8'),
    });
    process.stdout.write(
      `${result.imported} imported, ${result.unchanged} unchanged, ${result.skipped.length} skipped\n`,
    );
    for (const { detail } of result.skipped) process.stdout.write(`  skipped: ${detail}\n`);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`fairway: ${(error as Error).message}\n`);
  process.exit(1);
}
