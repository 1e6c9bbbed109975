import { expect, test } from 'vitest';
import { readEvents } from '../../src/web/event-stream.js';

async function read(...parts: readonly string[]) {
  const body = new Blob([...parts]).stream();
  const events = [];
  for await (const event of readEvents(body)) events.push(event);
  return events;
}

test('events are read with name, id and data; comments and retry times are none', async () => {
  const text =
    'retry: 2000\n\n: alive\n\nevent: progress\nid: 3\ndata: {"done":1}\n\nevent: end\ndata: {}\n\n';
  expect(await read(text)).toEqual([
    { name: 'progress', id: '3', data: '{"done":1}' },
    { name: 'end', id: undefined, data: '{}' },
  ]);
});

test('an event that comes in pieces, with a character between them, is one', async () => {
  const bytes = new TextEncoder().encode('event: progress\r\ndata: é\r\n\r\n');
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const events = [];
  for await (const event of readEvents(body)) events.push(event);
  expect(events).toEqual([{ name: 'progress', id: undefined, data: 'é' }]);
});

test('an event that never ended is not told', async () => {
  expect(await read('event: progress\ndata: {"half"')).toEqual([]);
});
