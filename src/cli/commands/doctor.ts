import type { Command } from 'commander';
import { count } from '../../domain/words.ts';
import { readUrl } from '../client.ts';
import type { Context } from '../context.ts';
import { examine, type Finding } from '../doctor.ts';
import { EXIT } from '../errors.ts';
import { type Cell, item, painted, type Screen, sentence, table } from '../layout.ts';

/** `doctor`: examines a running installation, and says what to do. */
export function doctorCommands(program: Command, context: Context): void {
  program
    .command('doctor')
    .description(
      'examine an installation: listeners, TLS, store, clock, evidence, what updaters get; exits 1 on a fault',
    )
    .option('--public <url>', 'the address that updaters have; default: the host of the operator listener, port 8080')
    .action(async (options: { public?: string }) => {
      const { url: given, token } = context.server();
      const url = readUrl(given).origin;
      const publicUrl = readUrl(options.public ?? publicOf(url)).origin;
      const findings = await examine({ url, publicUrl, api: context.api, token, now: Date.now() });
      if (findings.some(({ state }) => state === 'fault')) context.exitCode = EXIT.error;
      context.show({ findings }, (screen) => findingSheet(screen, findings));
    });
}

/** Where the public listener is unless settings say otherwise. */
function publicOf(operatorUrl: string): string {
  const url = new URL(operatorUrl);
  url.protocol = 'http:';
  url.port = '8080';
  return url.href;
}

const STATES = { ok: 'green', warning: 'yellow', fault: 'red' } as const;

function findingSheet(screen: Screen, findings: Finding[]): string {
  const rows = findings.map(({ check, state, detail }): Cell[] => [check, painted(state, STATES[state]), detail]);
  const todo = findings.flatMap(({ check, remedy }) => (remedy === null ? [] : [item(screen, `${check}: ${remedy}`)]));
  const of = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  const verdict =
    todo.length === 0
      ? 'all is well'
      : `${count(of('fault'), 'fault')}, ${count(of('warning'), 'warning')}; what to do:`;
  return [table(screen, ['check', 'state', 'finding'], rows), [sentence(screen, verdict), ...todo].join('\n')].join(
    '\n\n',
  );
}
