import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ControlConnection, parseClients } from './control-connection.mjs';
import { AUTO_INDEX_KEYS } from './good-stop.ts';

const WATCHER_SCRIPT = fileURLToPath(new URL('./idle-stop-watcher.mjs', import.meta.url));
/** Client name of a watcher, which holds its seconds. */
export const WATCHER_NAME = /^stacklore-idle-stop:(\d+)$/;

/** After how many seconds without a client the server will be stopped; 0 when nobody watches over that. */
export async function findIdleStop(connection: ControlConnection): Promise<number> {
  const watchers = await listWatchers(connection);
  return watchers[0]?.seconds ?? 0;
}

/**
 * Has the server stopped after this long without a client; replaces a watcher with another time. The watcher signals the
 * recorded process only.
 */
export async function watchIdle(
  connection: ControlConnection,
  { socketPath, recordPath }: { socketPath: string; recordPath: string },
  seconds: number,
): Promise<void> {
  const watchers = await listWatchers(connection);
  if (watchers.some((watcher) => watcher.seconds === seconds)) return;
  for (const watcher of watchers) await connection.send(['CLIENT', 'KILL', 'ID', watcher.id]);
  const watcher = spawn(
    process.execPath,
    [WATCHER_SCRIPT, socketPath, String(seconds), recordPath, JSON.stringify(AUTO_INDEX_KEYS)],
    {
      detached: true,
      cwd: '/',
      stdio: 'ignore',
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  watcher.unref();
}

async function listWatchers(connection: ControlConnection): Promise<{ id: string; seconds: number }[]> {
  const clients = parseClients(await connection.send(['CLIENT', 'LIST']));
  return clients.flatMap((client) => {
    const seconds = WATCHER_NAME.exec(client.get('name') ?? '')?.[1];
    return seconds === undefined ? [] : [{ id: client.get('id') ?? '', seconds: Number(seconds) }];
  });
}
