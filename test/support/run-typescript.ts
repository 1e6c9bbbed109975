import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const HOOKS = new URL('./typescript-hooks.mjs', import.meta.url);

/** A program in a process of its own: what it printed so far, and how it ended. */
export interface RunningProgram {
  readonly process: ChildProcess;
  output(): string;
  /** Resolves once the output holds `text`; rejects when the program ends without it. */
  printed(text: string): Promise<void>;
  /** Resolves to the exit code, `undefined` when a signal ended it. */
  readonly ended: Promise<number | undefined>;
}

/**
 * Runs a TypeScript file of this repository in a process of its own. Its standard output and error are gathered; end it
 * through `process`, or wait for `ended`.
 */
export function runTypeScript(
  file: URL,
  args: readonly string[] = [],
  { env = process.env, detached = false }: { env?: NodeJS.ProcessEnv; detached?: boolean } = {},
): RunningProgram {
  const child = spawn(process.execPath, ['--import', HOOKS.href, fileURLToPath(file), ...args], {
    detached,
    env: { ...env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (part: string) => {
      text += part;
    });
  }
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? undefined));
  });
  return {
    process: child,
    output: () => text,
    printed: (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (text.includes(wanted)) resolve();
        };
        for (const stream of [child.stdout, child.stderr]) stream.on('data', look);
        void ended.then(() => reject(new Error(`The program ended without printing "${wanted}": ${text}`)));
        look();
      }),
    ended,
  };
}
