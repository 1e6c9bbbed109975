import { afterAll, beforeAll } from 'vitest';
import { createMeasures } from '../../src/http/measure.ts';
import { parseServeOptions, type ServeInput } from '../../src/http/options.ts';
import type { Route } from '../../src/http/route.ts';
import { listRoutes } from '../../src/http/routes.ts';
import { createServer } from '../../src/http/server.ts';
import { McpSessions } from '../../src/mcp/http-sessions.ts';
import type { NewApiKey } from '../../src/schema/api-key-input.ts';
import { ACCESS_FAMILIES } from '../../src/schema/main.ts';
import type { Stacklore } from '../../src/stacklore.ts';

/** An answer of the API: status, headers by lower-case name, and the body parsed where it is JSON. */
export interface ApiAnswer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly text: string;
}

/** Asks the API. `key` is sent as a bearer token, `body` as JSON unless it is text or bytes. */
export type Ask = <Body = Record<string, unknown>>(
  method: string,
  path: string,
  options?: { readonly key?: string; readonly body?: unknown; readonly headers?: Record<string, string> },
) => Promise<ApiAnswer<Body>>;

/** What a key that opens all families for reading and writing is narrowed to. */
export type Narrowing = Pick<NewApiKey, 'userId' | 'collections'>;

/** Makes such a key and gives its token. */
export async function makeKey(lore: Stacklore, name: string, narrowing: Narrowing): Promise<string> {
  const opened = { scopes: ['read' as const, 'write' as const], families: [...ACCESS_FAMILIES] };
  return (await lore.apiKeys.create({ name, ...opened, ...narrowing })).token;
}

/** Every route of a server, to be looked at: none of them can be called. */
export function describedRoutes(): Route[] {
  const mcpSessions = new McpSessions();
  void mcpSessions.close();
  const options = parseServeOptions({});
  return listRoutes({ lore: {} as Stacklore, options, measures: createMeasures(), mcpSessions });
}

/** The HTTP API over a Stacklore, without a socket; made before the file's first test, closed after its last. */
export function useApi(lore: () => Stacklore, options: ServeInput = {}): { readonly ask: Ask } {
  let server: Awaited<ReturnType<typeof createServer>> | undefined;
  beforeAll(async () => {
    server = await createServer({
      lore: lore(),
      options: parseServeOptions({ logLevel: 'silent', ...options }),
    });
    await server.ready();
  });
  afterAll(() => server?.close());
  const ask: Ask = async <Body>(
    method: string,
    path: string,
    { key, body, headers = {} }: Parameters<Ask>[2] = {},
  ) => {
    if (!server) throw new Error('The API is there inside tests and hooks only.');
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const answer = await server.inject({
      method: method as 'GET',
      url: path,
      headers: {
        host: '127.0.0.1',
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && !isRaw && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { payload: isRaw ? Buffer.from(body) : JSON.stringify(body) }),
    });
    const isJson = /json/.test(String(answer.headers['content-type']));
    return {
      status: answer.statusCode,
      headers: answer.headers as Record<string, string>,
      text: answer.body,
      body: (isJson ? JSON.parse(answer.body) : undefined) as Body,
    };
  };
  return { ask };
}
