import type { Readable, Writable } from 'node:stream';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
} from '@modelcontextprotocol/sdk/types.js';

/** Where a client is: nothing but the protocol is written to `output`. */
export interface StdioOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Aborted when the server shall end. */
  readonly signal: AbortSignal;
}

/** Serves one client until its input ends or the signal is aborted; what it has asked by then is answered first. */
export async function serveStdio(server: McpServer, { input, output, signal }: StdioOptions): Promise<void> {
  const transport = new StdioServerTransport(input, output);
  const answered = followRequests(transport);
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error']) input.once(event, resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
    // The transport closes itself after a message that is too large to read.
    server.server.onclose = resolve;
  });
  await server.connect(transport);
  if (!signal.aborted && !input.readableEnded && !input.destroyed) await ended;
  await answered();
  await server.close();
}

/** Gives a function that waits until every request so far is answered or cancelled. */
function followRequests(transport: Transport): () => Promise<void> {
  const open = new Set<string | number>();
  let onSettled: () => void = () => undefined;
  const settle = (id: unknown) => {
    if (typeof id === 'string' || typeof id === 'number') open.delete(id);
    if (open.size === 0) onSettled();
  };
  transport.onmessage = (message: JSONRPCMessage) => {
    if (isJSONRPCRequest(message)) open.add(message.id);
    // To a cancelled request there is no answer.
    if (isJSONRPCNotification(message) && message.method === 'notifications/cancelled') {
      settle(message.params?.requestId);
    }
  };
  const send = transport.send.bind(transport);
  transport.send = async (message, options) => {
    await send(message, options);
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) settle(message.id);
  };
  transport.onclose = () => {
    open.clear();
    onSettled();
  };
  return () =>
    new Promise((resolve) => {
      onSettled = resolve;
      if (open.size === 0) resolve();
    });
}
