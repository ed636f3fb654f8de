import { CommanderError } from 'commander';
import { ApiError, describeError, EXIT, exitCodeOf } from './errors.ts';
import { createProgram } from './program.ts';

const { program, context } = createProgram(process);

// `fairway agents | head` closes the pipe once it has read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.error),
);

try {
  await program.parseAsync();
  process.exitCode = context.exitCode;
} catch (error) {
  process.exitCode = exitCodeOf(error);
  // Commander has already printed what is wrong.
  if (!(error instanceof CommanderError)) {
    // Machines get the problem document, people get its sentence.
    if (error instanceof ApiError && program.opts().output !== 'table') context.show(error.problem, () => '');
    context.terminal.say(describeError(context.terminal, error));
  }
}
