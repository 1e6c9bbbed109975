import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { errorMessage, StackloreError } from '../errors.ts';
import { type GuardOptions, isLoopback, refuse } from './http-guard.ts';
import { answerError, McpSessions } from './http-sessions.ts';

/** How the protocol is served over HTTP. */
export interface HttpOptions extends GuardOptions {
  /** 0: any that is free. */
  readonly port: number;
  /** Makes the server of each session. */
  readonly createServer: () => McpServer;
  /** Told of what no client can be told. */
  readonly onError: (error: unknown) => void;
}

/** A server that is listening. */
export interface RunningHttp {
  /** Where clients reach it. */
  readonly url: string;
  /** Answers what is under way, ends all sessions and stops listening. */
  close(): Promise<void>;
}

const PATH = '/mcp';

/**
 * Serves any number of clients at `/mcp`. Throws `invalid_config` for an address beyond this machine without a token, and
 * where the address cannot be had.
 */
export async function serveHttp(options: HttpOptions): Promise<RunningHttp> {
  const { host, port, token } = options;
  if (token === undefined && !isLoopback(host)) {
    throw new StackloreError('invalid_config', {
      message: `Anyone who reaches ${host} could read the knowledge base. Set a token with --token-file or STACKLORE_MCP_TOKEN, or listen on 127.0.0.1.`,
    });
  }
  const sessions = new McpSessions();
  const http = createServer((request, response) => {
    answer(request, response, { ...options, sessions }).catch((error: unknown) => {
      options.onError(error);
      if (!response.headersSent) answerError(response, 500, 'Something went wrong here.', -32_603);
      else response.destroy();
    });
  });
  await listen(http, { host, port });
  const address = http.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${bound}${PATH}`,
    async close() {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      await sessions.close();
      http.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpOptions & { readonly sessions: McpSessions },
): Promise<void> {
  const refusal = refuse(request.headers, options);
  if (refusal) {
    if (refusal.status === 401) response.setHeader('www-authenticate', 'Bearer');
    return answerError(response, refusal.status, refusal.message);
  }
  const [path] = (request.url ?? '').split('?');
  if (path !== PATH) return answerError(response, 404, `There is nothing here. The server is at ${PATH}.`);
  await options.sessions.handle(request, response, { createServer: options.createServer });
}

async function listen(http: Server, { host, port }: { host: string; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen({ host, port }, resolve);
  }).catch((cause: unknown) => {
    throw new StackloreError('invalid_config', {
      message: `Port ${port} of ${host} cannot be listened on (${errorMessage(cause)}). Choose another with --port and --host.`,
      cause,
    });
  });
}
