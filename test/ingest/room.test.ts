import { expect, it } from 'vitest';
import { Room } from '../../src/ingest/room.ts';

it('lets work in beside other work as long as both fit, and larger work alone', async () => {
  const room = new Room(10);
  const events: string[] = [];
  const ends: (() => void)[] = [];
  const start = async (name: string, length: number) => {
    await room.waitFor(length);
    events.push(name);
    void room.run(length, () => new Promise<void>((end) => ends.push(end)));
  };
  await start('six', 6);
  await start('four', 4);
  const larger = start('thirty', 30);
  await Promise.resolve();
  expect(events).toEqual(['six', 'four']);
  for (const end of ends.splice(0)) end();
  await larger;
  const next = start('one', 1);
  await Promise.resolve();
  expect(events).toEqual(['six', 'four', 'thirty']);
  for (const end of ends.splice(0)) end();
  await next;
  expect(events).toEqual(['six', 'four', 'thirty', 'one']);
});

it('is given back when work fails', async () => {
  const room = new Room(1);
  await room.run(1, () => Promise.reject(new Error('no'))).catch(() => undefined);
  await room.waitFor(1);
});
