import { describe, expect, it } from 'vitest';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';
import type { Stacklore } from '../../../src/stacklore.ts';

const redis = usePrivateRedis();
let made = 0;

function open(): { lore: Stacklore; queue: string } {
  made += 1;
  return { lore: openTestLore(redis), queue: `queue-${made}` };
}

describe('a queue', () => {
  it('stores a task exactly as the schema says', async () => {
    const { lore, queue } = open();
    const task = await lore.queues.enqueue(queue, {
      taskId: 'task_001',
      taskType: 'browser_automation',
      payload: { url: 'https://example.com' },
    });
    const elements = await lore.databases.main.send<string[]>(['LRANGE', `queue:${queue}`, '0', '-1']);
    expect(elements).toEqual([
      `{"task_id":"task_001","task_type":"browser_automation","payload":{"url":"https://example.com"},"created_at":"${task.createdAt}","priority":5}`,
    ]);
  });

  it('gives the oldest task first and leaves nothing behind', async () => {
    const { lore, queue } = open();
    await lore.queues.enqueueAll(queue, [{ taskType: 'a' }, { taskType: 'b' }]);
    await lore.queues.enqueue(queue, { taskType: 'c' });
    const types: string[] = [];
    for (;;) {
      const delivery = await lore.queues.dequeue(queue);
      if (!delivery) break;
      types.push(delivery.task.taskType);
      expect(await lore.queues.acknowledge(delivery)).toBe(true);
    }
    expect(types).toEqual(['a', 'b', 'c']);
    expect(await allKeys(lore.databases.main, `*${queue}*`)).toEqual([]);
  });

  it('waits for a task of another program', async () => {
    const { lore, queue } = open();
    const waiting = lore.queues.dequeue(queue, { waitMs: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const element = '{"priority": 1, "task_type": "digest", "task_id": "t", "created_at": "2025", "payload": null, "retries": 3}';
    await lore.databases.main.send(['LPUSH', `queue:${queue}`, element]);
    expect(await waiting).toMatchObject({ element, attempt: 1, task: { taskId: 't' } });
  });
});
