import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import type { PrivateRedis } from '../../src/redis/private-redis.ts';

/** What a command line printed and how it ended. */
export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of a command line: its whole environment, and what it reads from standard input. */
export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Runs a command line inside this process, which costs milliseconds. Nothing of the real environment is seen by it. */
export async function runCli(
  args: readonly string[],
  { env = {}, input = '' }: CliOptions = {},
): Promise<CliResult> {
  const printed = { stdout: '', stderr: '' };
  const collect = (name: keyof typeof printed) =>
    new Writable({
      decodeStrings: false,
      write(part, _encoding, done) {
        printed[name] += String(part);
        done();
      },
    });
  const exitCode = await runProgram(
    args,
    Object.assign(new EventEmitter(), {
      ...{
        stdin: Readable.from([Buffer.from(input)]),
        stdout: collect('stdout'),
        stderr: collect('stderr'),
        env,
      },
      exit: () => undefined,
    }),
  );
  return { exitCode, ...printed };
}

const HOOKS = new URL('./typescript-hooks.mjs', import.meta.url);
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** A command line in a process of its own. */
export interface CliProcess {
  /** Like Ctrl-C of a terminal, and other signals. */
  signal(name: NodeJS.Signals): void;
  /** Resolves once standard error holds `text`, or the process ended. */
  said(text: string): Promise<void>;
  readonly result: Promise<CliResult>;
}

/** What starts a command line in a process of its own. */
export function cliCommand(args: readonly string[]): { command: string; args: string[] } {
  return { command: process.execPath, args: ['--import', HOOKS.href, MAIN, ...args] };
}

/** Starts a command line in a process of its own; of the environment it gets PATH and what is given. */
export function startCli(args: readonly string[], { env = {}, input = '' }: CliOptions = {}): CliProcess {
  const program = cliCommand(args);
  const child = spawn(program.command, program.args, {
    env: { PATH: process.env.PATH, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    stdout += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
  });
  child.stdin.on('error', () => undefined).end(input);
  const result = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
  return {
    signal: (name) => void child.kill(name),
    said: (text) =>
      new Promise((resolve) => {
        const look = () => {
          if (stderr.includes(text)) resolve();
        };
        child.stderr.on('data', look);
        void result.then(() => resolve());
        look();
      }),
    result,
  };
}

/** What a command printed with --json; fails when standard output holds anything but one JSON value. */
export function jsonOf({ stdout }: CliResult): Record<string, unknown> {
  // The commands print objects; a list or a bare value would fail the expectations on its members.
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Command lines on a Redis of the test, with a data home of its own; `first` are the words each of them begins with. */
export function cliOn(redis: Pick<PrivateRedis, 'dir' | 'url'>, ...first: readonly string[]) {
  const run = (...args: string[]): Promise<CliResult> =>
    runCli([...first, ...args], { env: { STACKLORE_HOME: `${redis.dir}/home`, REDIS_URL: redis.url } });
  return {
    run,
    /** What a command prints with --json; fails when it failed or complained. */
    async json(...args: string[]): Promise<Record<string, unknown>> {
      const result = await run(...args, '--json');
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      return jsonOf(result);
    },
  };
}
