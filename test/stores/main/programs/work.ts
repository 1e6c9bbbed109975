import { openStacklore } from '../../../../src/stacklore.ts';

// Works on a queue until it is killed: notes each task in a list when it begins, in a set when it is done.
const [redisUrl = '', queue = '', leaseMs = '1000', taskMs = '20'] = process.argv.slice(2);
const lore = openStacklore({ redisUrl }, { env: {} });
const note = (...command: string[]) => lore.databases.main.send(command);

lore.startWorker(
  queue,
  async ({ taskId }) => {
    await note('RPUSH', `test:begun:${queue}`, taskId);
    await new Promise((resolve) => setTimeout(resolve, Number(taskMs)));
    await note('SADD', `test:done:${queue}`, taskId);
  },
  { concurrency: 4, leaseMs: Number(leaseMs), maxAttempts: 1_000_000 },
);
console.log('working');
