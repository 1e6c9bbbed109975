import { spawn } from 'node:child_process';
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
