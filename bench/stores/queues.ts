import { randomUUID } from 'node:crypto';
import type { Operations } from './operation.ts';

const TASKS = 4_000;

/** Enqueue against LPUSH; a whole delivery against a move into a list of one's own, a lease, and both removed again. */
export const queueOperations: Operations = async (lore, client) => {
  // Its id and time are new for each, as the schema has it.
  const element = () =>
    JSON.stringify({
      ...{ task_id: randomUUID(), task_type: 'browser_automation', payload: { url: 'https://example.com' } },
      ...{ created_at: new Date().toISOString(), priority: 5 },
    });
  const task = { taskType: 'browser_automation', payload: { url: 'https://example.com' } };
  await lore.queues.enqueueAll(
    'ours',
    Array.from({ length: TASKS }, () => task),
  );
  await client.lPush('queue:bare', Array.from({ length: TASKS }, element));
  return [
    {
      name: 'queue enqueue',
      ours: () => lore.queues.enqueue('pushed', task),
      bare: () => client.lPush('queue:pushed-bare', element()),
    },
    {
      // What it takes to lose nothing: taken and leased at once, settled and released from the lease at once.
      name: 'queue deliver',
      ours: async () => {
        const delivery = await lore.queues.dequeue('ours');
        if (!delivery) throw new Error('the queue is empty');
        await lore.queues.acknowledge(delivery);
        await lore.queues.enqueue('ours', task);
      },
      bare: async (at) => {
        const processing = `bare:processing:${at}`;
        const [taken] = await client
          .multi()
          .lMove('queue:bare', processing, 'RIGHT', 'LEFT')
          .zAdd('bare:leases', { score: Date.now() + 30_000, value: processing })
          .exec();
        JSON.parse(String(taken));
        await client.multi().unlink(processing).zRem('bare:leases', processing).exec();
        await client.lPush('queue:bare', element());
      },
    },
  ];
};
