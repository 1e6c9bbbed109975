import { createServer } from 'node:net';
import { errorMessage, StackloreError } from '../errors.ts';
import type { ControlConnection } from './control-connection.mjs';

/** The TCP port a server listens on; 0 when it has none. */
export async function listeningPort(connection: ControlConnection): Promise<number> {
  const reply = await connection.send(['CONFIG', 'GET', 'port']);
  return Array.isArray(reply) ? Number(reply[1] ?? 0) : 0;
}

/** Has a running server listen on a TCP port of the loopback address too. Throws `server_failed` when it is taken. */
export async function openLoopbackPort(connection: ControlConnection, port: number): Promise<void> {
  if ((await listeningPort(connection)) === port) return;
  try {
    await connection.send(['CONFIG', 'SET', 'bind', '127.0.0.1', 'port', String(port)]);
  } catch (cause) {
    throw new StackloreError('server_failed', {
      message: `The search server cannot listen on port ${port} (${errorMessage(cause)}). Choose another port with STACKLORE_PORT.`,
      cause,
    });
  }
}

/** A loopback port nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return address.port;
}
