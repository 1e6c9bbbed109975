import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll } from 'vitest';
import { createMcpServer, type McpOptions } from '../../src/mcp/server.ts';
import type { Stacklore } from '../../src/stacklore.ts';

/** A client of an MCP server, as a test looks at it. */
export interface TestClient {
  readonly client: Client;
  call(name: string, input?: Record<string, unknown>): Promise<TestAnswer>;
}

/** What a tool answered. */
export interface TestAnswer {
  readonly text: string;
  readonly data: Record<string, unknown>;
  readonly isError: boolean;
  readonly code: unknown;
}

/** Connects the SDK's own client, which checks every answer against the schemas listed; closed after the file's last test. */
export async function connectClient(transport: Transport): Promise<TestClient> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  afterAll(() => client.close());
  await client.connect(transport);
  await client.listTools();
  return { client, call: (name, input = {}) => callTool(client, name, input) };
}

/** Such a client of a server in this process. */
export async function openTestClient(
  lore: Stacklore,
  options: Partial<McpOptions> = {},
): Promise<TestClient> {
  const server = createMcpServer(lore, { version: '1.2.3', ...options });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await server.connect(ours);
  return connectClient(theirs);
}

async function callTool(client: Client, name: string, input: Record<string, unknown>): Promise<TestAnswer> {
  const { content, structuredContent, isError, _meta } = await client.callTool({ name, arguments: input });
  // Our tools answer with exactly one text.
  const [{ text }] = content as [{ text: string }];
  return {
    text,
    data: (structuredContent ?? {}) as Record<string, unknown>,
    isError: isError === true,
    code: _meta?.['stacklore/code'],
  };
}
