import { spawn } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { StackloreError } from '../errors.ts';
import type { TaskContext } from '../stores/main/queue-worker.ts';

type Stream = NodeJS.WritableStream;

/** A task as a command gets it: on standard input as stored, and in its environment. */
export interface CommandTask extends Pick<TaskContext, 'attempt' | 'element' | 'signal'> {
  readonly taskId: string;
  readonly taskType: string;
  readonly queue: string;
}

/** How much of what a failing command printed last is kept as the reason. */
const REASON_LENGTH = 500;

/** Throws `invalid_input` for a program that cannot be run: every task would fail for what is no fault of its own. */
export async function checkProgram(program: string, { PATH = '' } = process.env): Promise<void> {
  // As the system looks for it: a name along the PATH, anything with a slash where it says.
  const places = program.includes('/') ? [program] : PATH.split(delimiter).map((dir) => join(dir, program));
  if (program !== '') for (const place of places) if (await isProgram(place)) return;
  throw new StackloreError('invalid_input', {
    message: `There is no program "${program}" that can be run. Give one on the PATH or its path; no task was taken.`,
  });
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * Runs a command for a task; its output goes to `output`. Rejects unless it ends with exit code 0, with the end of its
 * standard error as the reason. The signal ends it with SIGTERM.
 */
export function runTaskCommand(
  [program = '', ...args]: readonly string[],
  { taskId, taskType, queue, attempt, element, signal }: CommandTask,
  output: Stream,
): Promise<void> {
  const variables = {
    STACKLORE_QUEUE: queue,
    STACKLORE_TASK_ID: taskId,
    STACKLORE_TASK_TYPE: taskType,
    STACKLORE_TASK_ATTEMPT: String(attempt),
  };
  return new Promise((resolve, reject) => {
    // Detached: a Ctrl-C in the terminal stops the taking of tasks, not the ones that run.
    const child = spawn(program, args, { env: { ...process.env, ...variables }, signal, detached: true });
    let said = '';
    child.stdout.on('data', (part: Buffer) => void output.write(part));
    child.stderr.on('data', (part: Buffer) => {
      output.write(part);
      said = (said + part.toString('utf8')).slice(-REASON_LENGTH);
    });
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      if (code === 0) return resolve();
      const ending = killedBy === null ? `exit code ${code}` : `ended by ${killedBy}`;
      reject(new Error(said.trim() === '' ? ending : `${ending}: ${said.trim()}`));
    });
    // A command that does not read its input has closed it before all of it was written.
    child.stdin.on('error', () => {}).end(`${element}\n`);
  });
}
