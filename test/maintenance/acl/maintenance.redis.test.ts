import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../../src/stacklore.ts';
import { deniedSince, openAs } from '../../support/acl-users.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const redis = usePrivateRedis();
let admin: Stacklore;
let lore: Stacklore;
/** The same users, with another model configured. */
let larger: Stacklore;

beforeAll(async () => {
  admin = openTestLore(redis);
  lore = await openAs('maintenance', { redis, admin });
  const embedder = new FakeEmbedder({ dimensions: 96, model: { name: 'fake/larger' } });
  larger = await openAs('maintenance', { redis, admin, options: { embedder } });
  await fill(lore);
});

afterEach(async () => expect(await deniedSince(admin.databases.main)).toEqual([]));

/** Something of every kind that maintenance looks at. */
async function fill(to: Stacklore): Promise<void> {
  const sentences = Array.from({ length: 30 }, (_, n) => `Sentence ${n} about the tide and the moon.`);
  for (const docId of ['tide', 'moon']) {
    const document = { text: `# ${docId}\n\n${sentences.join(' ')}`, source: `${docId}.md`, docId };
    const settings = { chunkSize: 64, chunkOverlap: 8 };
    expect((await to.ingestTexts([document], { collection: 'docs', settings })).counts.failed).toBe(0);
  }
  await to.addFact({ content: 'The tide turns twice a day.', userId: 'ann' });
  const { sessionId } = await to.sessions.create({ userId: 'ann' });
  await to.sessions.link(sessionId, 'talk');
  await to.conversations.append('talk', [{ role: 'user', content: 'Hello' }]);
  await to.systemPrompts.save('helper', { content: 'Help.' });
  await to.templates.save('letter', { template: 'Dear {{ name }}' });
  await to.userPrompts.save('ann', 'mine', { content: 'Briefly.' });
  await to.queues.enqueue('mails', { taskType: 'mail' });
  const taken = await to.queues.dequeue('mails');
  if (taken) await to.queues.bury(taken, 'bounced');
  await to.usage.add({ userId: 'ann', requests: 1 });
  await to.metrics.record({ service: 'search', metricName: 'latency_ms', value: 1 });
  await to.cachedSearch({ query: 'the moon', collection: 'docs' }, { semantic: true });
}

const knowledge = () => admin.databases.knowledge;

describe('a user for maintenance', () => {
  it('saves and restores archives, and lets the server save its own', async () => {
    const folder = temporaryFolder();
    const { archives } = await lore.maintenance.backup({ folder });
    expect((await lore.maintenance.backup({ server: true })).snapshots).toHaveLength(1);
    expect(archives).toHaveLength(4);
    for (const { path } of archives) await lore.maintenance.restore({ file: path, existing: 'replace' });
    await admin.maintenance.eraseUser('ann');
    for (const { path } of archives) await lore.maintenance.restore({ file: path, existing: 'skip' });
    expect(await lore.facts.list()).toMatchObject({ total: 1 });
  });

  it('restores values too big for one command', async () => {
    const messages = Array.from({ length: 25_000 }, (_, n) => `{"role":"user","content":"${n}"}`);
    await admin.databases.main.send(['RPUSH', 'conversation:long:messages', ...messages]);
    const [archive] = (await lore.maintenance.backup({ databases: ['main'], folder: temporaryFolder() }))
      .archives;
    await lore.maintenance.restore({ file: archive?.path ?? '', existing: 'replace' });
    expect(await lore.conversations.get('long')).toMatchObject({ messageCount: 25_000 });
    await lore.conversations.delete('long');
  });

  it('measures keys', async () => {
    const { families, denied } = await lore.maintenance.analyseKeys({ exact: true });
    expect(families.find(({ family }) => family === 'document')).toMatchObject({ keys: 2 });
    expect(denied).toBe(0);
  });

  it('measures all but the keys of other programs, which it may not look at', async () => {
    await knowledge().send(['SET', 'other:program', 'secret']);
    const { unknown, denied } = await lore.maintenance.analyseKeys({ databases: ['knowledge'] });
    expect({ unknown, denied }).toEqual({ unknown: [], denied: 1 });
    await knowledge().send(['UNLINK', 'other:program']);
    expect(await deniedSince(knowledge())).toEqual(['maintenance-main: key other:program']);
  });

  it('looks for what is wrong and mends it', async () => {
    await knowledge().send([
      'HSET',
      'llama_index/vector_store/docs/gone_chunk_0',
      'doc_id',
      'gone',
      'text',
      'x',
    ]);
    await knowledge().send(['ZREM', 'index:documents', 'tide']);
    await admin.databases.main.send(['PERSIST', 'conversation:talk:messages']);
    await lore.maintenance.diagnose({ fix: true });
    expect(await knowledge().send(['ZSCORE', 'index:documents', 'tide'])).not.toBeNull();
  });

  it('cleans up', async () => {
    await knowledge().send([
      'HSET',
      'doc:hollow:metadata',
      'title',
      'x',
      'chunk_count',
      '0',
      'collection',
      'docs',
    ]);
    await lore.maintenance.cleanup({ all: true, analyticsBefore: new Date('2001-01-01') });
    expect(await lore.deadLetters.list('mails')).toMatchObject({ total: 0 });
  });

  it('gives collections other chunks, another index and another model', async () => {
    await lore.reindex('docs', { chunkSize: 32, chunkOverlap: 4, dryRun: true });
    await lore.reindex('docs', { chunkSize: 32, chunkOverlap: 4, queries: ['the moon'] });
    await lore.reindex('docs', { finish: true });
    await lore.reindex('docs', { vectorType: 'float16' });
    await lore.reindex('docs', { rollback: true });
    const liveEmbedder = async () => new FakeEmbedder();
    await larger.reindex('docs', { reembed: true, queries: ['the moon'], liveEmbedder });
    await larger.reindex('docs', { finish: true });
    expect((await larger.search({ query: 'the moon', collection: 'docs' })).hits).not.toEqual([]);
  });

  it('exports, and imports again', async () => {
    const file = join(temporaryFolder(), 'docs.jsonl');
    await larger.maintenance.exportCollection({ collection: 'docs', file, embeddings: 'base64' });
    await larger.maintenance.migrate({ layout: 'jsonl', file, collection: 'again' });
    expect(await larger.documents.count('again')).toBeGreaterThan(0);
  });

  it('brings knowledge from another database of the server', async () => {
    const source = openTestLore(redis, { databases: { knowledge: { number: 5 } } }).databases.knowledge;
    const fact = ['content', 'The moon is far.', 'category', 'general', 'created_at', '2025-01-01T00:00:00Z'];
    await source.send([
      'HSET',
      'fact:moved',
      ...fact,
      'confidence',
      '0.5',
      'source',
      'x',
      'verified',
      'False',
    ]);
    await lore.maintenance.migrate({ fromNumber: 5, dryRun: true });
    await lore.maintenance.migrate({ fromNumber: 5, move: true });
    expect(await lore.facts.get('moved')).toMatchObject({ content: 'The moon is far.' });
  });

  it('exchanges prompts with files', async () => {
    const folder = temporaryFolder();
    await lore.maintenance.exportPrompts(folder);
    writeFileSync(join(folder, 'system', 'new.md'), '---\ndescription: new\n---\nHelp more.\n');
    expect((await lore.maintenance.importPrompts(folder)).failed).toBe(0);
  });

  it('erases users and forgets old analytics', async () => {
    expect((await lore.maintenance.eraseUser('ann')).total).toBeGreaterThan(3);
    await lore.maintenance.pruneAnalytics({ before: '2001-01-01' });
  });
});
