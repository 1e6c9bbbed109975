import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { StreamSlots } from '../../src/http/stream-slots.ts';

/** An answer as far as its end is listened for. */
function makeAnswer({ closed = false } = {}): ServerResponse {
  return Object.assign(new EventEmitter(), { closed }) as unknown as ServerResponse;
}

test('a client has 32 streams at once, others have theirs, and a closed one makes room', () => {
  const slots = new StreamSlots();
  const answers = Array.from({ length: 32 }, () => makeAnswer());
  for (const answer of answers) slots.hold('ada', answer);
  expect(() => slots.hold('ada', makeAnswer())).toThrow(expect.objectContaining({ code: 'busy' }));
  slots.hold('bob', makeAnswer());
  answers[0]?.emit('close');
  slots.hold('ada', makeAnswer());
  expect(() => slots.hold('ada', makeAnswer())).toThrow();
});

test('a stream whose reader has left already takes no room', () => {
  const slots = new StreamSlots();
  for (let n = 0; n < 40; n += 1) slots.hold('ada', makeAnswer({ closed: true }));
  slots.hold('ada', makeAnswer());
});
