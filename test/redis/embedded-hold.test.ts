import { expect, test } from 'vitest';
import type { EmbeddedRedis } from '../../src/redis/embedded.ts';
import { EmbeddedHold } from '../../src/redis/embedded-hold.ts';

/** Attachments that end when they are told to; each notes that it was closed. */
function attachments() {
  const ends: (() => void)[] = [];
  const closed: number[] = [];
  const attach = async (): Promise<EmbeddedRedis> => {
    const number = ends.length;
    await new Promise<void>((resolve) => ends.push(resolve));
    return {
      ...{ socketPath: `/socket-${number}`, pid: number, started: false },
      close: async () => void closed.push(number),
    };
  };
  return { ends, closed, hold: new EmbeddedHold(attach) };
}

test('the attachment that began last is held, whichever ends last', async () => {
  const { ends, closed, hold } = attachments();
  const early = hold.socketPath();
  const late = hold.socketPath();
  ends[1]?.();
  expect(await late).toBe('/socket-1');
  ends[0]?.();
  expect(await early).toBe('/socket-0');
  expect(closed).toEqual([0]);
  await hold.close();
  expect(closed).toEqual([0, 1]);
});

test('an attachment that ends after everything was closed is let go of', async () => {
  const { ends, closed, hold } = attachments();
  const asked = hold.socketPath();
  await hold.close();
  ends[0]?.();
  await asked;
  expect(closed).toEqual([0]);
});
