import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisCommand } from './command.ts';
import { type DatabaseContext, stillLoading, who } from './reply-error.ts';

const POLL_MS = 200;
const NOTICE_EVERY_MS = 1_000;

/**
 * Waits until a server has loaded its data, and tells how far it is. Throws `database_timeout` when that takes too long,
 * and whatever a PING is answered with otherwise as it is.
 */
export async function waitUntilLoaded(
  ask: (command: RedisCommand) => Promise<unknown>,
  {
    context,
    loadingTimeoutMs,
    onNotice,
  }: {
    readonly context: DatabaseContext;
    readonly loadingTimeoutMs: number;
    readonly onNotice: (text: string) => void;
  },
): Promise<void> {
  const startedAt = performance.now();
  let noticeAt = startedAt;
  for (;;) {
    const isLoaded = await ask(['PING']).then(
      () => true,
      (error: unknown) => {
        if (isLoading(error)) return false;
        throw error;
      },
    );
    if (isLoaded) return;
    const percent = await ask(['INFO', 'persistence']).then(loadedPercent, () => undefined);
    const now = performance.now();
    if (now - startedAt > loadingTimeoutMs) throw stillLoading(percent, loadingTimeoutMs, context);
    if (now >= noticeAt) {
      const progress = percent === undefined ? '' : ` (${percent} %)`;
      onNotice(`Waiting for ${who(context)}: it is loading its data${progress}.`);
      noticeAt = now + NOTICE_EVERY_MS;
    }
    await sleep(POLL_MS);
  }
}

/** True for the reply of a server that cannot do anything yet. */
export function isLoading(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('LOADING ');
}

function loadedPercent(info: unknown): number | undefined {
  const match = /^loading_loaded_perc:(\d+)/m.exec(String(info));
  return match ? Number(match[1]) : undefined;
}
