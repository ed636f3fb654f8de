import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Interrupted } from './errors.ts';
import { paint, type Screen, screenOf } from './layout.ts';

/** The person at the keyboard, and standard error, which gets everything except the result. */
export interface Terminal extends Screen {
  /** Whether there is a person to ask. */
  interactive: boolean;
  say(text: string): void;
  /** The answer without spaces around it, empty at the end of input. */
  ask(question: string): Promise<string>;
  /** The same, without showing what is typed. */
  askSecret(question: string): Promise<string>;
  /** Only `y` and `yes` mean yes. */
  confirm(question: string): Promise<boolean>;
  /** Replaces the progress line, which `say` removes. Does nothing unless standard error is a terminal. */
  progress(text: string): void;
}

const CLEAR_LINE = '\r\x1b[K';

export function openTerminal({ stdin, stderr, env }: Pick<NodeJS.Process, 'stdin' | 'stderr' | 'env'>): Terminal {
  const screen = screenOf(stderr, env);
  let progress = '';
  /** Answers that were typed before their question, and what is typed of the next one. */
  const ahead: string[] = [];
  let begun = '';

  async function read(question: string, answer: 'shown' | 'unseen'): Promise<string> {
    const unseen = answer === 'unseen';
    const early = ahead.shift();
    if (early !== undefined) {
      stderr.write(`${question}${unseen ? '' : `${early}\n`}`);
      return early.trim();
    }
    const lines = createInterface({ input: stdin, output: unseen ? nowhere() : stderr, terminal: true });
    // The terminal stops echoing only once the interface exists; if the question came first, a pasted answer could
    // show on the screen.
    if (unseen) stderr.write(question);
    lines.on('line', (line) => ahead.push(line));
    try {
      return await new Promise((resolve, reject) => {
        // Ctrl-D gives an empty answer, which no question takes as a yes.
        lines.once('close', () => resolve(''));
        lines.once('SIGINT', () => reject(new Interrupted('interrupted; nothing was changed')));
        lines.question(question).then((answer) => resolve(answer.trim()), reject);
        if (begun) lines.write(begun);
      });
    } catch (error) {
      stderr.write('\n');
      throw error;
    } finally {
      begun = lines.line;
      lines.close();
    }
  }

  function showProgress(text: string): void {
    if (!stderr.isTTY || text === progress) return;
    progress = text;
    stderr.write(`${CLEAR_LINE}${text}`);
  }

  const ask = (question: string) => read(`${question} `, 'shown');

  return {
    ...screen,
    interactive: Boolean(stdin.isTTY && stderr.isTTY),
    say(text) {
      showProgress('');
      stderr.write(`${text}\n`);
    },
    ask,

    async askSecret(question) {
      const answer = await read(`${question} `, 'unseen');
      stderr.write('\n');
      return answer;
    },

    confirm: async (question) => /^y(es)?$/i.test(await ask(`${paint(screen, question, 'bold')} [y/N]`)),

    progress: showProgress,
  };
}

const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });
