import { z } from 'zod';
import type { McpSessions } from '../../mcp/http-sessions.ts';
import { createMcpServer } from '../../mcp/server.ts';
import { version } from '../../version.ts';
import type { Access } from '../access.ts';
import { defineRoute, type Route, type RouteCall } from '../route.ts';

/** The Model Context Protocol for agents, under the same keys as everything else. */
export function mcpRoutes(sessions: McpSessions): Route[] {
  const shared = {
    path: '/mcp',
    tag: 'MCP',
    access: { scope: 'read', family: 'documents' },
    isStream: true,
    produces: 'text/event-stream',
    handle: (call: RouteCall) => answer(sessions, call),
  } as const;
  return [
    defineRoute({
      ...shared,
      method: 'POST',
      summary:
        'A message of the Model Context Protocol (streamable HTTP). Tools that write need a key with scope `write`.',
      body: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]),
    }),
    defineRoute({
      ...shared,
      method: 'GET',
      summary: 'The stream of what the server says in a session by itself.',
    }),
    defineRoute({ ...shared, method: 'DELETE', summary: 'Ends a session.' }),
  ];
}

async function answer(sessions: McpSessions, { lore, access, request, reply }: RouteCall): Promise<void> {
  reply.hijack();
  await sessions.handle(request.raw, reply.raw, {
    owner: access.clientId,
    body: request.body,
    createServer: () =>
      createMcpServer(lore, {
        version: version(),
        ...permitted(access),
        onError: (error) => request.log.error(error),
      }),
  });
}

/** Facts have no tool that keeps to one user, and writing needs a key that says so. */
function permitted(access: Access) {
  const { collections, userId } = access;
  return {
    ...(collections && { collections }),
    ...(userId !== undefined && { userId }),
    facts: userId === undefined && access.allows('read', 'facts'),
    allowWrites: access.hasKey && access.allows('write', 'documents'),
  };
}
