import { spawn } from 'node:child_process';

/** How a command ended; `found` is false when there is no such program. */
export interface CommandOutcome {
  readonly found: boolean;
  readonly ok: boolean;
  readonly output: string;
  /** Why it failed, in one line, for messages. */
  readonly reason: string;
}

/** How to run a command: its folder, variables besides the inherited ones, and when to give up on it. */
export interface CommandOptions {
  readonly cwd: string;
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program without a shell and without input, and gives its output; never throws for a failing program. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandOutcome> {
  return new Promise((settle) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs);
    const end = (outcome: Omit<CommandOutcome, 'output'>) => {
      clearTimeout(timer);
      settle({ ...outcome, output });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        // Enough for any last words; a chatty program must not fill the memory.
        output = (output + text).slice(-65_536);
      });
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      const found = error.code !== 'ENOENT';
      end({ found, ok: false, reason: found ? error.message : `${command} is not installed` });
    });
    child.once('close', (code, signal) => {
      const failure = timedOut
        ? `${command} gave no result within ${Math.round(options.timeoutMs / 1_000)} s`
        : `${command} ended with ${signal ?? `exit code ${code}`}: ${lastWords(output)}`;
      end({ found: true, ok: code === 0, reason: code === 0 ? '' : failure });
    });
  });
}

/** The most telling line of a failed program's output: its last error, else its last line. */
function lastWords(output: string): string {
  const lines = output
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours are what is removed here
    .replace(/\u001b\[[0-9;]*m/g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const line = lines.findLast((candidate) => /error/i.test(candidate)) ?? lines.at(-1) ?? 'no output';
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
