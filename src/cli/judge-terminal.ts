import { createInterface } from 'node:readline';
import type { Judge, JudgingQuestion, Verdict } from '../evaluation/judge.ts';
import type { Terminal } from './command.ts';
import { describeHit } from './commands/search.ts';
import { markFor } from './mark-hit.ts';

const HELP = '0 not relevant, 1 related, 2 relevant, 3 exactly that; s skip, n next query, q quit';

const VERDICTS: Readonly<Record<string, Verdict>> = {
  ...{ '0': 0, '1': 1, '2': 2, '3': 3 },
  ...{ s: 'skip', n: 'next', q: 'quit' },
};

/** Ctrl-C and Ctrl-D arrive as characters while single keys are read. */
const ENDING_KEYS = ['\u0003', '\u0004'];

type Shown = Pick<Terminal, 'stdin' | 'stderr' | 'columns' | 'signal'>;

/** A person at a terminal who judges by single keys; elsewhere each line of standard input is an answer. */
export function openJudge(terminal: Shown): { judge: Judge; close(): void } {
  const { stderr, columns } = terminal;
  const say = (line: string) => void stderr.write(`${line}\n`);
  const input = isTerminal(terminal.stdin) ? keysOf(terminal.stdin, terminal) : linesOf(terminal);
  let shown: string | undefined;
  return {
    close: input.close,
    judge: {
      note: (sentence) => say(`Note: ${sentence}`),
      async verdict({ query, hit, rank, of }: JudgingQuestion) {
        if (shown !== query.queryId) say(`\nQuery ${query.queryId}: ${query.text}\n${HELP}`);
        shown = query.queryId;
        say('');
        for (const line of describeHit(hit, rank, {
          width: Math.min(columns, 110),
          mark: markFor({ isStyled: false }),
        }))
          say(line);
        for (;;) {
          const key = await input.key(`${rank} of ${of} [0-3 s n q] `);
          const verdict = key === undefined ? 'quit' : VERDICTS[key.toLowerCase()];
          if (verdict !== undefined) return verdict;
          say(HELP);
        }
      },
      async nextQuery() {
        return input.line('\nYour query (nothing to end): ');
      },
    },
  };
}

/** Where answers come from; `undefined` when there are no more. */
interface Input {
  key(prompt: string): Promise<string | undefined>;
  line(prompt: string): Promise<string | undefined>;
  close(): void;
}

interface KeyStream extends NodeJS.ReadableStream {
  setRawMode(isRaw: boolean): unknown;
}

function isTerminal(stdin: NodeJS.ReadableStream): stdin is KeyStream {
  return 'isTTY' in stdin && stdin.isTTY === true && 'setRawMode' in stdin;
}

function linesOf({ stdin, stderr, signal }: Shown): Input {
  const reader = createInterface({ input: stdin, terminal: false });
  const lines = reader[Symbol.asyncIterator]();
  const close = () => reader.close();
  signal.addEventListener('abort', close, { once: true });
  const line = async (prompt: string) => {
    if (signal.aborted) return undefined;
    stderr.write(prompt);
    const { value, done } = await lines.next();
    return done ? undefined : value.trim();
  };
  return { line, key: line, close };
}

function keysOf(stdin: KeyStream, { stderr, signal }: Shown): Input {
  /** Typed ahead. */
  let keys: string[] = [];
  const key = async (prompt: string) => {
    stderr.write(prompt);
    stdin.setRawMode(true);
    stdin.setEncoding('utf8').resume();
    try {
      while (keys.length === 0) keys.push(...(await nextData(stdin, signal)));
    } finally {
      stdin.setRawMode(false);
      stdin.pause();
    }
    const pressed = keys.shift() ?? '';
    const isEnd = ENDING_KEYS.includes(pressed);
    stderr.write(`${isEnd ? '' : pressed.replace(/\p{Cc}/gu, '')}\n`);
    return isEnd ? undefined : pressed;
  };
  const line = (prompt: string) => {
    keys = [];
    const reader = createInterface({ input: stdin, output: stderr });
    return new Promise<string | undefined>((resolve) => {
      reader.once('close', () => resolve(undefined));
      reader.question(prompt, { signal }, (answer) => resolve(answer.trim()));
    }).finally(() => reader.close());
  };
  return { key, line, close: () => stdin.pause() };
}

/** The characters of the next keys; those that end it when the terminal is gone or the work is to stop. */
function nextData(stdin: KeyStream, signal: AbortSignal): Promise<string[]> {
  return new Promise((resolve) => {
    const finish = (characters: string[]) => {
      stdin.off('data', onData).off('end', onEnd);
      signal.removeEventListener('abort', onEnd);
      resolve(characters);
    };
    const onData = (data: string | Buffer) => finish([...String(data)]);
    const onEnd = () => finish(ENDING_KEYS.slice(0, 1));
    stdin.on('data', onData).once('end', onEnd);
    signal.addEventListener('abort', onEnd, { once: true });
    if (signal.aborted) onEnd();
  });
}
