import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve } from '../src/http/serve.ts';
import { openStacklore } from '../src/stacklore.ts';
import { modelConfig } from './support/provisioned.ts';
import { usePrivateRedis } from './support/redis.ts';
import { makeSnippetPlace, type SnippetPlace } from './support/snippet-place.ts';

const redis = usePrivateRedis();
let place: SnippetPlace;

beforeAll(async () => {
  place = makeSnippetPlace(redis.url);
  await place.runShell(
    'stacklore ingest fixtures/documents/public-services --collection handbook --fields lang:tag,year:number',
  );
}, 180_000);
afterAll(() => place.remove());

test('the retriever finds what the command line ingested', async () => {
  const output = await place.runExample('retriever.mjs', ['How do I renew a loan?']);
  const [first = '', headings] = output.split('\n');
  expect(first).toMatch(/^\d+\.\d\d {2}\S*loans-and-renewals\S* {2}\(document [0-9a-f]{32}\)$/);
  expect(headings).toContain('Loans, renewals and reservations');
});

/** A request to the endpoint: what the model was asked, and by whom. */
interface Asked {
  readonly authorization: string | undefined;
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

/** An OpenAI-compatible endpoint that streams "You asked: " and the question, in pieces that split lines. */
async function startEndpoint() {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    if (request.url !== '/v1/chat/completions') return response.writeHead(404).end('no such route');
    const { stream, ...rest } = JSON.parse(body) as Omit<Asked, 'authorization'> & { stream: boolean };
    asked.push({ authorization: request.headers.authorization, ...rest });
    const line = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
    const question = rest.messages.findLast(({ role }) => role === 'user')?.content ?? '';
    const text = `${line('You asked: ')}${line(question)}data: [DONE]\n\n`;
    response.writeHead(stream ? 200 : 400, { 'content-type': 'text/event-stream' });
    for (let at = 0; at < text.length; at += 7) response.write(text.slice(at, at + 7));
    return response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { url, asked, stop: () => server.close() };
}

test('the chat engine hands the passages to the endpoint and remembers what was said', async () => {
  const { url, asked, stop } = await startEndpoint();
  try {
    const output = await place.runExample('chat-engine.mjs', ['How do I renew a loan?', 'And how often?'], {
      ...{ OPENAI_BASE_URL: url, OPENAI_MODEL: 'local', OPENAI_API_KEY: 'key-of-the-test' },
    });
    expect(output).toContain('You asked: How do I renew a loan?\n  from ');
    expect(output).toContain('You asked: And how often?');
    expect(output).toContain('loans-and-renewals');
  } finally {
    stop();
  }
  const [first, second] = asked;
  expect(first).toMatchObject({ authorization: 'Bearer key-of-the-test', model: 'local' });
  expect(first?.messages.map(({ role }) => role)).toEqual(['system', 'user']);
  expect(first?.messages[0]?.content).toContain('renew');
  expect(second?.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user']);
});

test('the chat engine says what the endpoint answered when it refuses', async () => {
  const { url, stop } = await startEndpoint();
  const env = { OPENAI_BASE_URL: `${url}/wrong`, OPENAI_MODEL: 'local' };
  await expect(place.runExample('chat-engine.mjs', ['A question?'], env)).rejects.toThrow(
    /answered 404: no such route/,
  );
  stop();
});

test('the look-up over HTTP prints the passages and what they are cited from, or why there are none', async () => {
  const lore = openStacklore(redis.config({ model: modelConfig() }), { env: {} });
  const server = await serve(lore, { port: 0, logLevel: 'silent' });
  const ask = (collection: string) =>
    place.runExample('context-over-http.mjs', ['How do I renew a loan?'], {
      ...{ STACKLORE_URL: server.url, COLLECTION: collection },
    });
  try {
    const output = await ask('handbook');
    expect(output).toContain('Members renew in the app');
    expect(output).toMatch(/^\[1\] \S*loans-and-renewals\.md$/m);
    await expect(ask('nowhere')).rejects.toThrow(/404 /);
  } finally {
    await server.close();
    await lore.close();
  }
});
