import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { errorMessage, StackloreError } from '../../errors.ts';
import { serveHttp } from '../../mcp/serve-http.ts';
import { serveStdio } from '../../mcp/serve-stdio.ts';
import { createMcpServer, type McpOptions } from '../../mcp/server.ts';
import { version } from '../../version.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { given } from '../given.ts';

const HTTP_FLAGS = ['host', 'port', 'tokenFile', 'allowedHost'] as const;

export const command = defineCommand({
  summary: 'Serve collections to language models by the Model Context Protocol: over stdio, or over HTTP.',
  flags: [
    {
      flags: '--collection <name>',
      description: 'the only collection there is for clients; may be repeated (all)',
      isList: true,
    },
    { flags: '--facts', description: 'let clients see facts where collections are named' },
    { flags: '--allow-writes', description: 'let clients add facts and texts' },
    { flags: '--user-id <id>', description: 'whose usage it counts for (anonymous)' },
    { flags: '--http', description: 'serve streamable HTTP at /mcp instead of stdio' },
    { flags: '--port <number>', description: 'port for --http (8731); 0 takes any' },
    { flags: '--host <address>', description: 'address for --http (127.0.0.1); others need a token' },
    {
      flags: '--allowed-host <name>',
      description: 'a further host name the server is reached by; may be repeated',
      isList: true,
    },
    { flags: '--token-file <file>', description: 'file with the token of --http (STACKLORE_MCP_TOKEN)' },
  ],
  schema: z.strictObject({
    collection: z.array(z.string().min(1, 'must be the name of a collection')).optional(),
    facts: z.boolean().optional(),
    allowWrites: z.boolean().default(false),
    userId: z.string().min(1, 'must be an id').optional(),
    http: z.boolean().default(false),
    port: wholeNumber(0, 65_535).optional(),
    host: z.string().min(1, 'must be an address').optional(),
    allowedHost: z.array(z.string().toLowerCase()).optional(),
    tokenFile: z.string().optional(),
  }),
  examples: ['stacklore mcp --collection docs', 'stacklore mcp --http --port 8731'],
  async run(context, _args, { collection, facts, allowWrites, userId, http, ...httpFlags }) {
    const { terminal, lore } = context;
    const onError = (error: unknown) => terminal.note(`stacklore mcp: ${errorMessage(error)}`);
    const options: McpOptions = {
      ...{ version: version(), allowWrites, onError },
      ...given({ collections: collection, facts, userId }),
    };
    const createServer = () => createMcpServer(lore(), options);
    if (http) {
      const { port = 8_731, host = '127.0.0.1', allowedHost = [], tokenFile } = httpFlags;
      const token = tokenOf(context, tokenFile);
      const settings = { port, host, allowedHosts: allowedHost, createServer, onError, ...given({ token }) };
      const running = await serveHttp(settings);
      terminal.note(`Serving MCP at ${running.url}`);
      if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
      await running.close();
    } else {
      refuseHttpFlags(httpFlags);
      const { stdin: input, stdout: output, signal } = terminal;
      await serveStdio(createServer(), { input, output, signal });
    }
    return { data: undefined, lines: [] };
  },
});

/** They would be ignored, and with them what somebody meant to protect. */
function refuseHttpFlags(flags: { readonly [Name in (typeof HTTP_FLAGS)[number]]?: unknown }): void {
  if (HTTP_FLAGS.every((name) => flags[name] === undefined)) return;
  throw new StackloreError('invalid_input', {
    message: '--port, --host, --allowed-host and --token-file go with --http. Add it, or leave them out.',
  });
}

function tokenOf({ config }: CommandContext, tokenFile: string | undefined): string | undefined {
  if (tokenFile === undefined) return config().mcp.token;
  try {
    return config({ mcp: { token: readFileSync(tokenFile, 'utf8').trim() } }).mcp.token;
  } catch (cause) {
    if (cause instanceof StackloreError) throw cause;
    throw new StackloreError('invalid_config', {
      message: `The token file cannot be read (${errorMessage(cause)}). Name a file that holds the token alone.`,
      cause,
    });
  }
}
