import { beforeAll, expect, test } from 'vitest';
import { factAnswer, factList, factSearchAnswer, writtenFact } from '../../src/http/schemas/facts.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { expectFits } from '../support/fits.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});
const { ask } = useApi(() => lore);

test('facts are added, listed, searched, changed and deleted', async () => {
  const body = { content: 'A loan lasts 21 days.', category: 'loans', confidence: 0.9, verified: true };
  const added = await ask('POST', '/v1/facts', { body });
  expect(added.status).toBe(201);
  expectFits(writtenFact, added.body);
  const path = String(added.headers.location);
  expectFits(factAnswer, (await ask('GET', path)).body);
  const same = await ask('POST', '/v1/facts', { body: { content: body.content, userId: 'ada' } });
  expect(same.body).toMatchObject({ userId: 'ada', duplicates: [] });
  const again = await ask('POST', '/v1/facts', { body: { content: body.content } });
  expect((again.body.duplicates as unknown[]).length).toBe(2);

  const list = await ask('GET', '/v1/facts?category=loans&category=fees&verified=true&limit=1');
  expectFits(factList, list.body);
  expect(list.body).toMatchObject({ items: [body], total: 1 });
  expect((await ask('GET', '/v1/facts?ownedBy=ada')).body.total).toBe(1);
  const found = await ask('POST', '/v1/facts/search', {
    body: { query: 'how long is a loan?', ownedBy: 'ada' },
  });
  expectFits(factSearchAnswer, found.body);
  expect(found.body.hits).toMatchObject([{ factId: same.body.factId, userId: 'ada' }]);

  const changed = await ask('PATCH', path, { body: { content: 'A loan lasts 14 days.' } });
  expectFits(writtenFact, changed.body);
  expect(changed.body).toMatchObject({ content: 'A loan lasts 14 days.', category: 'loans' });
  expect((await ask('DELETE', path)).status).toBe(204);
  for (const method of ['GET', 'DELETE']) expect((await ask(method, path)).status).toBe(404);
});

test('the erasure of a user deletes the facts of this user and no others', async () => {
  const { body: theirs } = await ask('POST', '/v1/facts', { body: { content: 'Eve reads.', userId: 'eve' } });
  const { body: other } = await ask('POST', '/v1/facts', { body: { content: 'Eve reads.', userId: 'eve2' } });
  expect((await lore.maintenance.eraseUser('eve')).families).toMatchObject({ fact: 1 });
  expect((await ask('GET', `/v1/facts/${theirs.factId}`)).status).toBe(404);
  expect((await ask('GET', `/v1/facts/${other.factId}`)).status).toBe(200);
});

test('facts of users are found at once where they were indexed before facts had users', async () => {
  const knowledge = lore.databases.knowledge;
  await ask('POST', '/v1/facts', { body: { content: 'Zoe swims.', userId: 'zoe' } });
  const names = await knowledge.send<string[]>(['FT._LIST']);
  const current = names.find((name) => name.startsWith('stacklore:facts:index:v2:')) ?? '';
  const earlier = current.replace(':v2', '');
  await knowledge.send(['FT.CREATE', earlier, 'PREFIX', '1', 'fact:', 'SCHEMA', 'category', 'TAG']);
  await knowledge.send(['FT.DROPINDEX', current]);
  expect((await ask('GET', '/v1/facts?ownedBy=zoe')).body.total).toBe(1);
  expect(await knowledge.send(['FT._LIST'])).not.toContain(earlier);
});

test.each([
  ['POST', '/v1/facts', { content: ' ' }],
  ['POST', '/v1/facts', { content: 'x', userId: ' ada' }],
  ['POST', '/v1/facts', { content: 'x', owner: 'ada' }],
  ['GET', '/v1/facts?verified=maybe', undefined],
  ['PATCH', '/v1/facts/x', {}],
  ['PATCH', '/v1/facts/x', { userId: 'ada' }],
  ['POST', '/v1/facts/search', {}],
])('what makes no request is refused: %s %s %j', async (method, path, body) => {
  expect((await ask(method, path, { body })).status).toBe(400);
});
