import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { openTestLore } from '../support/lore.ts';
import { connectClient } from '../support/mcp-client.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliCommand, runCli, startCli } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();

beforeAll(async () => {
  const lore = openTestLore(redis);
  await lore.ingestTexts([{ text: 'A loan lasts 21 days.', source: 'loans.md' }], { collection: 'docs' });
  await lore.ingestTexts([{ text: 'The vault is green.', source: 'vault.md' }], { collection: 'internal' });
});

const INITIALIZE = line({
  ...{ id: 1, method: 'initialize' },
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
});
const LIST = line({ id: 2, method: 'tools/call', params: { name: 'list_collections', arguments: {} } });

function line(message: object): string {
  return `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
}

const run = (args: string[], input = '') => runCli(['mcp', '--redis-url', redis.url, ...args], { input });

describe('over stdio', () => {
  it('serves a client that started it, and ends with it', async () => {
    const program = cliCommand(['mcp', '--redis-url', redis.url, '--collection', 'docs']);
    const transport = new StdioClientTransport({ ...program, env: { PATH: process.env.PATH ?? '' } });
    const { client, call } = await connectClient(transport);
    expect((await client.listTools()).tools.map(({ name }) => name)).not.toContain('ingest_text');
    expect((await call('list_collections')).text).toBe('docs: documents 1, fields none of its own');
    const { resources } = await client.listResources();
    const { contents } = await client.readResource({ uri: String(resources.at(-1)?.uri) });
    expect(contents).toMatchObject([{ text: expect.stringContaining('A loan lasts 21 days.') }]);
    const { pid } = transport;
    await client.close();
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
  });

  it('answers what it was asked before its input ended', async () => {
    const { exitCode, stdout, stderr } = await run([], INITIALIZE + LIST);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as { id: number });
    expect(answers.map(({ id }) => id)).toEqual([1, 2]);
    expect(stdout).toContain('internal: documents 1');
  });

  it('writes nothing but the protocol to standard output, whatever comes in', async () => {
    const input = `${INITIALIZE}nonsense\n{"jsonrpc":"2.0"}\n\n[]\n${line({ id: 3, method: 'unknown/method' })}${LIST}`;
    const { exitCode, stdout, stderr } = await run(['--json'], input);
    expect(exitCode).toBe(0);
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as { jsonrpc: string });
    expect(answers.every(({ jsonrpc }) => jsonrpc === '2.0')).toBe(true);
    expect(answers).toHaveLength(3);
    expect(stderr).toBe('');
    expect((await run([], 'nonsense\n')).stderr).toContain('stacklore mcp: ');
  });
});

describe('over HTTP', () => {
  it('listens until it is told to end', async () => {
    const cli = startCli(['mcp', '--http', '--port', '0', '--redis-url', redis.url]);
    await cli.said('Serving MCP at http://127.0.0.1:');
    cli.signal('SIGTERM');
    const { exitCode, stdout, stderr } = await cli.result;
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
    expect(stderr).toMatch(/^Serving MCP at http:\/\/127\.0\.0\.1:\d+\/mcp\n/);
  });

  const tokenFile = (token: string) => {
    const path = join(temporaryFolder(), 'token');
    writeFileSync(path, token);
    return path;
  };

  it('refuses an address beyond this machine without a token', async () => {
    const { exitCode, stderr } = await run(['--http', '--host', '0.0.0.0', '--port', '0']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('--token-file') });
  });

  it.each([
    ['is short', () => tokenFile('short'), 'at least 16 characters'],
    ['is empty', () => tokenFile('\n'), 'at least 16 characters'],
    ['holds spaces', () => tokenFile('a token with a few spaces'), 'no spaces'],
    ['is missing', () => '/nowhere/token', 'no such file'],
  ])('refuses a token file that %s', async (_what, path, says) => {
    const { exitCode, stderr } = await run(['--http', '--port', '0', '--token-file', path()]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(says) });
  });
});

it.each([
  ['a port without --http', ['--port', '80'], '--http'],
  ['a token without --http', ['--token-file', 'x'], '--http'],
  ['a port that is none', ['--http', '--port', '65536'], '--port: must be a whole number'],
  ['a collection without a name', ['--collection', ''], '--collection: must be the name'],
])('refuses %s', async (_what, args, says) => {
  const { exitCode, stderr } = await run(args);
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(says) });
});
