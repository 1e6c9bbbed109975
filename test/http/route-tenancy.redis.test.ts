import { beforeAll, expect, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { type ApiAnswer, describedRoutes, makeKey, type Narrowing, useApi } from '../support/serve.ts';

/**
 * What each route does for a key that is narrowed to one user or to some collections. A route that is not listed fails
 * the first test: whoever adds one decides here, and proves it in the file that is named.
 */
const DECISIONS: Readonly<Record<string, Decision>> = {
  // Collections and what is in them: see test/http/tenancy.redis.test.ts.
  'POST /v1/search': 'collection',
  'POST /v1/context': 'collection and user',
  'POST /v1/explain': 'collection',
  'POST /v1/verify-citation': 'collection',
  'GET /v1/collections': 'collection',
  'POST /v1/collections': 'collection',
  'GET /v1/collections/:collection': 'collection',
  'DELETE /v1/collections/:collection': 'collection',
  'POST /v1/collections/:collection/map': 'collection',
  'GET /v1/documents': 'collection',
  'POST /v1/documents': 'collection',
  'GET /v1/documents/:docId': 'collection',
  'GET /v1/documents/:docId/chunks': 'collection',
  'DELETE /v1/documents/:docId': 'collection',
  // An agent's session sees the collections of its key: see test/http/mcp.redis.test.ts.
  'POST /mcp': 'key',
  'GET /mcp': 'key',
  'DELETE /mcp': 'key',
  'GET /v1/jobs': 'key',
  'GET /v1/jobs/:jobId': 'key',
  'GET /v1/jobs/:jobId/events': 'key',
  'DELETE /v1/jobs/:jobId': 'key',
  'GET /v1/me': 'key',
  // Records of users: see test/http/tenancy-of-users.redis.test.ts.
  'GET /v1/facts': 'user',
  'POST /v1/facts': 'user',
  'POST /v1/facts/search': 'user',
  'GET /v1/facts/:factId': 'user',
  'PATCH /v1/facts/:factId': 'user',
  'DELETE /v1/facts/:factId': 'user',
  'POST /v1/sessions': 'user',
  'GET /v1/sessions': 'user',
  'GET /v1/sessions/:sessionId': 'user',
  'PATCH /v1/sessions/:sessionId': 'user',
  'POST /v1/sessions/:sessionId/touch': 'user',
  'DELETE /v1/sessions/:sessionId': 'user',
  'POST /v1/conversations': 'user',
  'GET /v1/conversations': 'user',
  'GET /v1/conversations/:conversationId': 'user',
  'GET /v1/conversations/:conversationId/messages': 'user',
  'POST /v1/conversations/:conversationId/messages': 'user',
  'DELETE /v1/conversations/:conversationId': 'user',
  'GET /v1/prompts/users/:userId': 'user',
  'GET /v1/prompts/users/:userId/:name': 'user',
  'PUT /v1/prompts/users/:userId/:name': 'user',
  'DELETE /v1/prompts/users/:userId/:name': 'user',
  'GET /v1/analytics/usage': 'user',
  // Shared by all who have the family, changed by those who are not bound to a user.
  'GET /v1/prompts/system': 'shared',
  'GET /v1/prompts/system/:name': 'shared',
  'PUT /v1/prompts/system/:name': 'not for users',
  'DELETE /v1/prompts/system/:name': 'not for users',
  'GET /v1/prompts/system/:name/history': 'shared',
  'POST /v1/prompts/system/:name/render': 'shared',
  'GET /v1/prompts/templates': 'shared',
  'GET /v1/prompts/templates/:name': 'shared',
  'PUT /v1/prompts/templates/:name': 'not for users',
  'DELETE /v1/prompts/templates/:name': 'not for users',
  'POST /v1/prompts/templates/:name/render': 'shared',
  // Of everybody.
  'GET /v1/queues': 'whole',
  'GET /v1/queues/:queue': 'whole',
  'GET /v1/queues/:queue/tasks': 'whole',
  'POST /v1/queues/:queue/tasks': 'whole',
  'GET /v1/queues/:queue/dead': 'whole',
  'POST /v1/queues/:queue/dead/retry': 'whole',
  'GET /v1/analytics/services': 'whole',
  'GET /v1/analytics/metrics': 'whole',
  'GET /v1/analytics/usage/:date': 'whole',
  'GET /v1/analytics/errors': 'whole',
  'GET /v1/analytics/errors/:type': 'whole',
  'GET /v1/analytics/counters/:metric': 'whole',
  'GET /v1/status': 'whole',
  'GET /v1/keys': 'whole',
  'GET /v1/doctor': 'whole',
  'GET /v1/cache': 'whole',
  'GET /metrics': 'whole',
};
type Decision = 'collection' | 'collection and user' | 'key' | 'user' | 'shared' | 'not for users' | 'whole';

const redis = usePrivateRedis();
let lore: Stacklore;
/** Tokens of a key of one user, of one of a collection, and of one that opens everything. */
const keys = { ada: '', north: '', whole: '' };
beforeAll(async () => {
  lore = openTestLore(redis);
  const make = (name: string, narrowing: Narrowing) => makeKey(lore, name, narrowing);
  keys.ada = await make('ada', { userId: 'ada' });
  keys.north = await make('north', { collections: ['north'] });
  keys.whole = await make('whole', {});
  await lore.systemPrompts.save('helper', { content: 'Help.' });
  await lore.templates.save('letter', { template: 'Dear' });
});
const { ask } = useApi(() => lore, { rateLimit: 0 });

test('every route has a decision', () => {
  const undecided = describedRoutes()
    .filter(({ access }) => access !== 'public')
    .map(({ method, path }) => `${method} ${path}`)
    .filter((route) => DECISIONS[route] === undefined);
  expect(undecided).toEqual([]);
});

const byDecision = (...wanted: Decision[]) =>
  Object.entries(DECISIONS).flatMap(([route, decision]) => {
    const [method = '', path = ''] = route.split(' ');
    return wanted.includes(decision) ? [{ method, path }] : [];
  });
const PARAMETERS: Readonly<Record<string, string>> = {
  ...{
    ':queue': 'mail',
    ':date': '2025-01-15',
    ':type': 'not_found',
    ':metric': 'clicks',
    ':name': 'helper',
  },
};
const QUERIES: Readonly<Record<string, string>> = {
  '/v1/analytics/metrics': '?service=search&metric=latency_ms&from=2025-01-15&to=2025-01-16',
};
const BODIES: Readonly<Record<string, object>> = {
  'POST /v1/queues/:queue/tasks': { tasks: [{ taskType: 'send' }] },
  'POST /v1/queues/:queue/dead/retry': {},
  'PUT /v1/prompts/system/:name': { content: 'Stolen.' },
  'PUT /v1/prompts/templates/:name': { template: 'Stolen.' },
};

function send(method: string, path: string, key: string): Promise<ApiAnswer> {
  const url = path.replace(/:\w+/g, (name) => PARAMETERS[name] ?? name) + (QUERIES[path] ?? '');
  return ask(method, url, { key, body: BODIES[`${method} ${path}`] });
}

test.each(byDecision('whole'))(
  '$method $path is for keys that are not narrowed',
  async ({ method, path }) => {
    for (const key of [keys.ada, keys.north]) expect((await send(method, path, key)).status).toBe(404);
    expect((await send(method, path, keys.whole)).status).toBeLessThan(300);
  },
);

test.each(byDecision('not for users'))(
  '$method $path changes nothing for users',
  async ({ method, path }) => {
    expect((await send(method, path, keys.ada)).status).toBe(404);
    expect((await lore.systemPrompts.get('helper')).content).toBe('Help.');
    expect((await lore.templates.get('letter')).template).toBe('Dear');
  },
);

test('prompts that are nobody’s are read and rendered by users', async () => {
  const system = await ask('POST', '/v1/prompts/system/helper/render', { key: keys.ada, body: {} });
  const template = await ask('POST', '/v1/prompts/templates/letter/render', { key: keys.ada, body: {} });
  expect([system.body.text, template.body.text]).toEqual(['Help.', 'Dear']);
});
