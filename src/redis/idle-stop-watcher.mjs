/**
 * Stops the server of a data home after a time without clients: `node idle-stop-watcher.mjs SOCKET SECONDS RECORD KEYS`.
 * Runs detached, and ends with the server however that ends. A connection of its own tells others that it is there.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { processStart } from '../provision/file-lock.mjs';
import { openControl, parseClients, parseInfo } from './control-connection.mjs';
import { prepareStop } from './prepare-stop.mjs';

const [socketPath = '', seconds = '0', recordPath = '', keys = '{}'] = process.argv.slice(2);
const idleMs = Number(seconds) * 1_000;
const pollMs = Math.min(5_000, Math.max(100, idleMs / 4));
/** While the decision falls, newcomers are held back this long; a server that stops meanwhile never answers them. */
const PAUSE_MS = 2_000;
const NAME = `stacklore-idle-stop:${seconds}`;

const connection = await openControl(socketPath).catch(() => process.exit(0));
void connection.closed.then(() => process.exit(0));
const id = Number(await connection.send(['CLIENT', 'ID']));
await connection.send(['CLIENT', 'SETNAME', NAME]);
if (await isSecondWatcher()) process.exit(0);

let lastSeen = Date.now();
let connectionsSoFar = '';
for (;;) {
  await sleep(pollMs);
  if (await isInUse()) lastSeen = Date.now();
  if (Date.now() - lastSeen >= idleMs) {
    // Whoever comes meanwhile finds collections without an index, and makes one; the server then goes on.
    await prepareStop(connection, JSON.parse(keys)).catch(() => {});
    await stopUnlessInUse();
    lastSeen = Date.now();
  }
}

async function isSecondWatcher() {
  const clients = parseClients(await connection.send(['CLIENT', 'LIST']));
  return clients.some((client) => client.get('name') === NAME && Number(client.get('id')) < id);
}

/** Also counts those who came and went since the last look. */
async function isInUse() {
  const info = parseInfo(await connection.send(['INFO', 'all']));
  const connections = info.get('total_connections_received') ?? '';
  const isVisited = connections !== connectionsSoFar;
  connectionsSoFar = connections;
  return (
    isVisited || info.get('loading') === '1' || hasOtherClients(await connection.send(['CLIENT', 'LIST']))
  );
}

/** @param {unknown} clientList */
function hasOtherClients(clientList) {
  return parseClients(clientList).some((client) => !client.get('name')?.startsWith('stacklore-idle-stop:'));
}

/**
 * Nobody's command may fall between looking and stopping: in one step newcomers are paused and the clients listed.
 * SIGTERM is not held back by the pause, as a command would be, and saves.
 */
async function stopUnlessInUse() {
  await connection.send(['MULTI']);
  await connection.send(['CLIENT', 'PAUSE', String(PAUSE_MS), 'ALL']);
  await connection.send(['CLIENT', 'LIST']);
  await connection.send(['INFO', 'server']);
  const reply = await connection.send(['EXEC']);
  const [, clients = null, server = null] = Array.isArray(reply) ? reply : [];
  const pid = Number(parseInfo(server).get('process_id'));
  if (!hasOtherClients(clients) && isRecorded(pid)) process.kill(pid, 'SIGTERM');
  // A server that could not save goes on; then the next look comes after another idle time.
  await sleep(PAUSE_MS);
}

/**
 * Seen from a container, say, the server's own pid may belong to another program: only the record's start time tells.
 *
 * @param {number} pid
 */
function isRecorded(pid) {
  try {
    const record = JSON.parse(readFileSync(recordPath, 'utf8'));
    return record.pid === pid && record.processStart !== '' && record.processStart === processStart(pid);
  } catch {
    return false;
  }
}
