import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { openApiDocument } from '../../src/http/openapi.ts';
import { STATUS_CODES } from '../../src/http/problem.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { fromSchema } from '../support/from-schema.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { describedRoutes, useApi } from '../support/serve.ts';

/** Few for `npm test`; `npm run soak -- http` sends many more. */
const RUNS_PER_ROUTE = Number(process.env.STACKLORE_PROPERTY_RUNS ?? 12);
/** What a server may say of the state it is in, whatever it was asked. */
const UNAVAILABLE = [502, 503];

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts([{ source: 'loans.md', text: '# Loans\n\nA loan lasts.' }], {
    collection: 'library',
  });
});
const { ask } = useApi(() => lore, { rateLimit: 0, answerTimeoutMs: 5_000 });

const operations = Object.entries(openApiDocument(describedRoutes(), { version: '0' }).paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);

describe('wrong input', () => {
  test.each(operations)('is never a 500: $method $path', async ({ method, path, operation }) => {
    const { parameters = [], requestBody } = operation;
    const inPath = fc.record(
      Object.fromEntries(parameters.filter((one) => one.in === 'path').map(({ name }) => [name, segment])),
    );
    const inQuery = fc.record(
      Object.fromEntries(
        parameters
          .filter((one) => one.in === 'query')
          .map(({ name, schema }) => [name, fromSchema(schema as object)]),
      ),
      { requiredKeys: [] },
    );
    const body = requestBody
      ? fromSchema((requestBody.content['application/json']?.schema ?? {}) as object)
      : fc.constant(undefined);
    await fc.assert(
      fc.asyncProperty(inPath, inQuery, body, async (ids, query, sent) => {
        const answer = await ask(method, urlOf(path, ids, query), {
          ...(sent !== undefined && { body: sent }),
          headers: { accept: 'application/json' },
        });
        if (answer.status < 500 || UNAVAILABLE.includes(answer.status)) return;
        throw new Error(`${answer.status} ${answer.text}`);
      }),
      { numRuns: RUNS_PER_ROUTE, seed: 20_261_129, interruptAfterTimeLimit: 20_000 },
    );
  });

  test.each(['{', '[1,', '"', '', '{"a":1}x', '\u0000', '{"__proto__":{"x":1}}'])(
    'in place of JSON is refused: %j',
    async (body) => {
      const answer = await ask('POST', '/v1/search', {
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ code: 'invalid_input', status: 400 });
    },
  );

  test('of another kind than JSON is refused', async () => {
    const answer = await ask('POST', '/v1/search', {
      body: '<a/>',
      headers: { 'content-type': 'application/xml' },
    });
    expect([answer.status, answer.body.code]).toEqual([415, 'unsupported_type']);
    expect(answer.body.detail).toContain('application/json');
  });

  test('has a status for each code', () => {
    expect(Object.values(STATUS_CODES).every((status) => status >= 400 && status < 600)).toBe(true);
  });
});

const segment = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }).filter((text) => text.isWellFormed()),
  fc.constantFrom('library', 'nobody', '..', '%2e%2e', '*', 'a/b', 'constructor', 'x'.repeat(600)),
);

function urlOf(path: string, ids: Record<string, string>, query: Record<string, unknown>): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(ids[name] ?? 'x'));
  const search = Object.entries(query).map(([name, value]) => {
    return `${name}=${encodeURIComponent(typeof value === 'string' ? value.toWellFormed() : JSON.stringify(value))}`;
  });
  return `${filled}?${search.join('&')}`;
}
