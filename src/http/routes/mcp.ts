import { z } from 'zod';
import type { McpSessions } from '../../mcp/http-sessions.ts';
import { createMcpServer } from '../../mcp/server.ts';
import { version } from '../../version.ts';
import type { Access } from '../access.ts';
import { defineRoute, type Route, type RouteCall } from '../route.ts';
import { StreamSlots } from '../stream-slots.ts';

/** Messages of one request, which counts as one where requests are limited. */
const MOST_MESSAGES = 16;

/** The Model Context Protocol for agents, under the same keys as everything else. */
export function mcpRoutes(sessions: McpSessions): Route[] {
  const slots = new StreamSlots();
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
      body: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown()).max(MOST_MESSAGES)]),
    }),
    defineRoute({
      ...shared,
      method: 'GET',
      summary: 'The stream of what the server says in a session by itself.',
      handle(call) {
        slots.hold(call.access.clientId, call.reply.raw);
        return answer(sessions, call);
      },
    }),
    defineRoute({ ...shared, method: 'DELETE', summary: 'Ends a session.' }),
  ];
}

async function answer(sessions: McpSessions, { lore, access, request, reply }: RouteCall): Promise<void> {
  // What the hooks have set is lost otherwise: limits, the request's id, and what browsers are told.
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
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
