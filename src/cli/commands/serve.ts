import { once } from 'node:events';
import { z } from 'zod';
import { serve } from '../../http/serve.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { given } from '../given.ts';

export const command = defineCommand({
  summary: 'Serve the HTTP API and the search page until stopped.',
  flags: [
    { flags: '--port <number>', description: 'port to listen on (7700); 0 takes a free one' },
    {
      flags: '--host <address>',
      description: 'address to listen on (127.0.0.1); another one needs API keys',
    },
    { flags: '--require-key', description: 'ask for an API key on loopback and before there is one, too' },
    { flags: '--cors-origin <url>', description: 'a site whose pages may call the API', isList: true },
    { flags: '--allowed-host <name>', description: 'a name the server may be called by', isList: true },
    {
      flags: '--rate-limit <number>',
      description: 'requests of a client to an endpoint in a minute (600); 0: any number',
    },
    { flags: '--max-concurrent <number>', description: 'requests under way at once (512)' },
    { flags: '--cache-seconds <number>', description: 'how long answers of searches are kept (300); 0: not' },
    { flags: '--upload-limit <bytes>', description: 'the files of one upload together (67108864)' },
    { flags: '--no-jobs', description: 'leave ingest jobs to other servers on this Redis' },
    { flags: '--allow-private', description: 'let the ingest of URLs reach private networks' },
    { flags: '--log-level <level>', description: 'silent, error, warn, info (default) or debug' },
    { flags: '--trust-proxy', description: 'take the address of a client from the proxy in front' },
  ],
  schema: z.strictObject({
    port: wholeNumber(0, 65_535).optional(),
    host: z.string().optional(),
    requireKey: z.boolean().optional(),
    corsOrigin: z.array(z.string()).optional(),
    allowedHost: z.array(z.string()).optional(),
    rateLimit: wholeNumber(0, 1_000_000_000).optional(),
    maxConcurrent: wholeNumber(1, 100_000).optional(),
    cacheSeconds: wholeNumber(0, 86_400).optional(),
    uploadLimit: wholeNumber(1_024, 1_073_741_824).optional(),
    jobs: z.boolean().optional(),
    allowPrivate: z.boolean().optional(),
    logLevel: z.enum(['silent', 'error', 'warn', 'info', 'debug']).optional(),
    trustProxy: z.boolean().optional(),
  }),
  settingFlags: { corsOrigins: 'cors-origin', allowedHosts: 'allowed-host' },
  examples: ['stacklore serve', 'stacklore serve --port 8080 --require-key'],
  async run({ lore, terminal }, _args, { corsOrigin, allowedHost, jobs, ...flags }) {
    const options = given({ ...flags, corsOrigins: corsOrigin, allowedHosts: allowedHost, runJobs: jobs });
    const server = await serve(lore(), options);
    terminal.print(`Listening on ${server.url}`);
    terminal.print(`Search page: ${server.url}/`);
    terminal.print(`API docs: ${server.url}/docs`);
    if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
    await server.close();
    return { data: { url: server.url }, lines: ['Stopped.'] };
  },
});
