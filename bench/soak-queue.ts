import { setTimeout as sleep } from 'node:timers/promises';
import type { PrivateRedis } from '../src/redis/private-redis.ts';
import type { Stacklore } from '../src/stacklore.ts';
import { runTypeScript } from '../test/support/run-typescript.ts';

/** What killing workers did to the tasks of a queue. */
export interface KilledWorkersReport {
  readonly kills: number;
  readonly tasks: number;
  /** Queued, but never done by any worker. */
  readonly lost: number;
  /** Begun more than once, which only a kill may cause. */
  readonly repeated: number;
}

const WORK = new URL('../test/stores/main/programs/work.ts', import.meta.url);
const QUEUE = 'soak';
const LEASE_MS = 500;
const TASK_MS = 5;
const TASKS_PER_KILL = 300;
const LONGEST_LIFE_MS = 700;

/** kill -9 of worker processes at random moments while tasks are queued; afterwards one worker does what is left. */
export async function killWorkers(
  lore: Stacklore,
  redis: PrivateRedis,
  { kills, random }: { readonly kills: number; readonly random: () => number },
): Promise<KilledWorkersReport> {
  const queued: string[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const program = runTypeScript(WORK, [redis.url, QUEUE, String(LEASE_MS), String(TASK_MS)]);
    const tasks = Array.from({ length: TASKS_PER_KILL }, () => ({
      taskType: 'soak',
      priority: 1 + Math.floor(random() * 10),
    }));
    queued.push(...(await lore.queues.enqueueAll(QUEUE, tasks)).map(({ taskId }) => taskId));
    await program.printed('working');
    await sleep(random() * LONGEST_LIFE_MS);
    program.process.kill('SIGKILL');
    await program.ended;
  }
  const send = <T>(...command: string[]) => lore.databases.main.send<T>(command);
  const begun = await send<string[]>('LRANGE', `test:begun:${QUEUE}`, '0', '-1');
  await sleep(LEASE_MS);
  const done = new Set(await send<string[]>('SMEMBERS', `test:done:${QUEUE}`));
  const rest = lore.startWorker(
    QUEUE,
    ({ taskId }) => {
      begun.push(taskId);
      done.add(taskId);
    },
    { concurrency: 16, untilEmpty: true, maxAttempts: 1_000_000 },
  );
  await rest.done;
  const times = new Map<string, number>();
  for (const taskId of begun) times.set(taskId, (times.get(taskId) ?? 0) + 1);
  return {
    kills,
    tasks: queued.length,
    lost: queued.filter((taskId) => !done.has(taskId)).length,
    repeated: [...times.values()].filter((count) => count > 1).length,
  };
}
