import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** How long connections may keep a server that is being stopped. */
export interface EndOptions {
  /** Until when a request must have come to its end. */
  readonly requestTimeoutMs: number;
  /** How much longer its answer may take to be made and read. */
  readonly answerTimeoutMs: number;
}

/**
 * Follows the connections of a server. Gives a function for its stop: from then on Node itself no longer ends connections
 * that are never used, or not used again, requests that do not come to their end, and answers that nobody reads, for all
 * of which the server would wait.
 */
export function followConnections(
  server: Server,
  { requestTimeoutMs, answerTimeoutMs }: EndOptions,
): () => void {
  let isStopping = false;
  const open = new Map<Socket, IncomingMessage | undefined>();
  server.on('connection', (socket: Socket) => {
    open.set(socket, undefined);
    socket.once('close', () => open.delete(socket));
  });
  server.on('request', (request, response) => {
    const { socket } = request;
    if (open.has(socket)) open.set(socket, request);
    response.once('close', () => {
      if (open.get(socket) === request) open.set(socket, undefined);
      if (isStopping) socket.end();
    });
  });
  return () => {
    isStopping = true;
    for (const socket of open.keys()) if (socket.bytesRead === 0) socket.destroy();
    setTimeout(() => {
      for (const [socket, request] of open) if (!request?.complete) socket.destroy();
    }, requestTimeoutMs).unref();
    setTimeout(() => {
      for (const socket of open.keys()) socket.destroy();
    }, requestTimeoutMs + answerTimeoutMs).unref();
  };
}
