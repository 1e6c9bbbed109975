import { PassThrough } from 'node:stream';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { expect, it } from 'vitest';
import { serveStdio } from '../../src/mcp/serve-stdio.ts';

/** A server with one tool that answers when it is let go on. */
function start() {
  const [input, output, abort] = [new PassThrough(), new PassThrough(), new AbortController()];
  const server = new McpServer({ name: 'slow', version: '1.0.0' });
  let goOn: () => void = () => undefined;
  let onEntered: () => void = () => undefined;
  const entered = new Promise<void>((resolve) => {
    onEntered = resolve;
  });
  server.registerTool('wait', {}, async () => {
    onEntered();
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
    return { content: [{ type: 'text', text: 'waited' }] };
  });
  let written = '';
  output.setEncoding('utf8').on('data', (part: string) => {
    written += part;
  });
  const ended = serveStdio(server, { input, output, signal: abort.signal });
  const send = (message: object) => input.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  send({
    ...{ id: 1, method: 'initialize' },
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
  });
  send({ id: 2, method: 'tools/call', params: { name: 'wait' } });
  return { input, abort, entered, ended, send, goOn: () => goOn(), written: () => written };
}

it.each([
  ['its input ends', ({ input }: ReturnType<typeof start>) => void input.end()],
  ['it is told to end', ({ abort }: ReturnType<typeof start>) => abort.abort()],
])('answers what is under way when %s', async (_when, end) => {
  const started = start();
  await started.entered;
  end(started);
  started.goOn();
  await started.ended;
  expect(started.written()).toContain('waited');
});

it('does not wait for what its client has cancelled', async () => {
  const { input, entered, ended, send, written } = start();
  await entered;
  send({ method: 'notifications/cancelled', params: { requestId: 2 } });
  input.end();
  await ended;
  expect(written()).not.toContain('waited');
});

it('ends after a message that is larger than any it would read', async () => {
  const { input, ended, goOn, entered } = start();
  await entered;
  input.write('x'.repeat(11 * 1024 * 1024));
  await ended;
  goOn();
  expect(input.isPaused()).toBe(true);
});

it('ends at once when it was told to before it began', async () => {
  const abort = new AbortController();
  abort.abort();
  const server = new McpServer({ name: 'none', version: '1.0.0' });
  await serveStdio(server, { input: new PassThrough(), output: new PassThrough(), signal: abort.signal });
  expect(server.isConnected()).toBe(false);
});
