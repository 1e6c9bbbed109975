import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let knowledge: Database;

beforeAll(() => {
  lore = openTestLore(redis);
  knowledge = lore.databases.knowledge;
});

const hset = (key: string, fields: Record<string, string>) =>
  knowledge.send(['HSET', key, ...Object.entries(fields).flat()]);
/** A fact as another program writes it. */
const foreign = (content: string, more: Record<string, string> = {}) => ({
  content,
  category: 'harbour',
  confidence: '0.9',
  source: 'harbour.md',
  created_at: '2025-01-15T10:30:00+00:00',
  verified: 'True',
  ...more,
});

describe('adding a fact', () => {
  it('works before anything else is there, without a vector', async () => {
    const added = await lore.facts.add({ content: 'The first fact.', category: 'first' });

    expect(added).toMatchObject({ category: 'first', confidence: 0.5, verified: false, duplicates: [] });
    expect((await lore.facts.list({ category: 'first' })).items).toEqual([
      await lore.facts.get(added.factId),
    ]);
    expect(await lore.searchFacts({ query: 'first fact' })).toMatchObject({
      hits: [],
      warnings: [expect.stringContaining('stacklore facts embed')],
    });
  });

  it('stores the documented fields under the documented key, and its vector beside them', async () => {
    await lore.addFact({
      factId: 'f001',
      content: 'Every named database has one connection.',
      category: 'architecture',
      confidence: 0.95,
      source: 'docs/architecture/README.md',
      verified: true,
      createdAt: new Date('2025-01-15T10:30:00Z'),
    });
    const stored = await knowledge.send<string[]>([
      ...['HMGET', 'fact:f001', 'content', 'category', 'confidence', 'source', 'created_at', 'verified'],
    ]);

    expect(stored).toEqual([
      ...['Every named database has one connection.', 'architecture', '0.95'],
      ...['docs/architecture/README.md', '2025-01-15T10:30:00Z', 'true'],
    ]);
    expect(await knowledge.send(['HSTRLEN', 'fact:f001', 'embedding'])).toBe(64 * 4);
    const { hits } = await lore.searchFacts({ query: 'how many connections has a database?', topK: 1 });
    expect(hits).toMatchObject([{ factId: 'f001', confidence: 0.95 }]);
  });

  it('refuses an id that is taken, under whichever key it is stored', async () => {
    await hset('fact:a*b', foreign('Another program wrote this id.'));
    const code = 'already_exists';

    await expect(lore.addFact({ factId: 'f001', content: 'Other.' })).rejects.toMatchObject({ code });
    await expect(lore.addFact({ factId: 'a*b', content: 'Other.' })).rejects.toMatchObject({ code });
    expect((await lore.facts.get('a*b')).content).toBe('Another program wrote this id.');
  });
});

describe('a fact that others say too', () => {
  it('is reported when it is added, word for word or nearly, and never merged', async () => {
    await lore.addFact({ factId: 'ships-1', content: 'ships float on the calm sea near the harbour' });
    const exact = await lore.addFact({
      factId: 'ships-2',
      content: ' ships float on the calm sea near the harbour',
    });
    const near = await lore.addFact(
      { factId: 'ships-3', content: 'ships float on the calm sea near the old harbour' },
      { duplicateThreshold: 0.9 },
    );

    expect(exact.duplicates).toEqual([{ factId: 'ships-1', similarity: 1, exact: true }]);
    expect(near.duplicates.map(({ factId, exact: isExact }) => [factId, isExact]).sort()).toEqual([
      ['ships-1', false],
      ['ships-2', false],
    ]);
    for (const { similarity } of near.duplicates) {
      expect(similarity).toBeGreaterThan(0.9);
      expect(similarity).toBeLessThan(1);
    }
    expect(await lore.facts.get('ships-1')).toBeDefined();
  });

  it('is no duplicate below the threshold, which must be from 0 to 1', async () => {
    const { duplicates } = await lore.addFact({ content: 'ships sink now and then in a storm' });
    expect(duplicates).toEqual([]);
    for (const duplicateThreshold of [95, Number.NaN, -0.1, '0.9' as never]) {
      const attempt = lore.addFact({ content: 'Any.' }, { duplicateThreshold });
      await expect(attempt).rejects.toMatchObject({ code: 'invalid_input' });
    }
  });

  it('is looked for from the configured threshold on, unless a call gives another', async () => {
    const strict = openTestLore(redis, { facts: { duplicateThreshold: 0.5 } });
    await strict.addFact({ factId: 'gulls-1', content: 'gulls circle above the fish market at noon' });
    const fact = { content: 'gulls circle above the fish hall at night' };

    const found = await strict.addFact(fact);
    expect(found.duplicates).toMatchObject([{ factId: 'gulls-1', exact: false }]);
    await strict.facts.delete(found.factId);
    expect(await strict.addFact(fact, { duplicateThreshold: 0.99 })).toMatchObject({ duplicates: [] });
  });

  it('is reported to all but the first of 64 writers that say it at once', async () => {
    const clients = Array.from({ length: 64 }, (_, at) => ({
      at,
      own: at % 4 === 0 ? openTestLore(redis) : lore,
    }));
    const added = await Promise.all(
      clients.map(({ own }) => own.addFact({ content: 'said by many at once', category: 'crowd' })),
    );

    expect(added.filter(({ duplicates }) => duplicates.length === 0)).toHaveLength(1);
    expect(added.every(({ duplicates }) => duplicates.every(({ exact }) => exact))).toBe(true);
    expect((await lore.facts.list({ category: 'crowd' })).total).toBe(64);
  });

  it('is stored once by 64 writers that give the same id', async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 64 }, (_, at) => lore.facts.add({ factId: 'one', content: `Version ${at}.` })),
    );

    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('is looked for in what facts say now, not in a hash that another writer left stale', async () => {
    await lore.addFact({ factId: 'stale', content: 'a lighthouse blinks' });
    await hset('fact:stale', { content: 'a ferry leaves at noon' });

    const { duplicates } = await lore.addFact({ content: 'a lighthouse blinks' });

    expect(duplicates).toEqual([]);
  });
});

describe('changing a fact', () => {
  it('changes what is given, and the vector with the content', async () => {
    const { createdAt } = await lore.addFact({ factId: 'changing', content: 'old words', category: 'kept' });
    const updated = await lore.updateFact('changing', { content: 'apples grow on trees', confidence: 0.75 });

    expect(updated).toEqual({
      ...{ factId: 'changing', content: 'apples grow on trees', category: 'kept', confidence: 0.75 },
      ...{ source: 'unknown', verified: false, createdAt, duplicates: [] },
    });
    const { hits, warnings } = await lore.searchFacts({ query: 'apples on trees', topK: 1 });
    expect({ id: hits[0]?.factId, warnings }).toEqual({ id: 'changing', warnings: [] });
  });

  it('mends a field that could not be read', async () => {
    await hset('fact:mended', foreign('Half readable.', { confidence: 'high' }));
    await expect(lore.facts.get('mended')).rejects.toMatchObject({ code: 'record_invalid' });

    const updated = await lore.facts.update('mended', { confidence: 0.25 });
    expect(updated).toMatchObject({ confidence: 0.25, verified: true, category: 'harbour' });
    expect(await lore.facts.get('mended')).toMatchObject({ confidence: 0.25 });
  });

  it('names, mends and deletes a hash that has no field of a fact', async () => {
    await hset('fact:empty', { foo: 'bar' });
    const named = { code: 'record_invalid', key: 'fact:empty' };
    await expect(lore.facts.get('empty')).rejects.toMatchObject(named);
    await expect(lore.facts.update('empty', { verified: true })).rejects.toMatchObject(named);
    const fields = { content: 'Mended.', category: 'a', source: 'b', confidence: 1, verified: true };
    expect(await lore.facts.update('empty', fields)).toMatchObject(fields);
    expect(await lore.facts.get('empty')).toMatchObject(fields);
    await hset('fact:bare', { foo: 'bar' });
    await lore.facts.delete('bare');
    await expect(lore.facts.get('bare')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('leaves a hash alone that holds nothing of a fact', async () => {
    await hset('fact:hollow', { note: 'not a fact' });

    await expect(lore.facts.verify('hollow')).rejects.toMatchObject({ code: 'record_invalid' });
    expect(await knowledge.send(['HGETALL', 'fact:hollow'])).toEqual(['note', 'not a fact']);
    await knowledge.send(['UNLINK', 'fact:hollow']);
  });

  it('verifies it and takes that back', async () => {
    expect((await lore.facts.verify('changing')).verified).toBe(true);
    expect((await lore.facts.verify('changing', false)).verified).toBe(false);
  });

  it('writes to the key another program used, and leaves its other fields alone', async () => {
    await hset('fact:x?y:[1]', foreign('Odd id.', { reviewed_by: 'user_9' }));
    await lore.facts.update('x?y:[1]', { verified: false });

    expect(await knowledge.send(['HMGET', 'fact:x?y:[1]', 'verified', 'reviewed_by'])).toEqual([
      'false',
      'user_9',
    ]);
    expect((await lore.facts.get('x?y:[1]')).verified).toBe(false);
  });

  it('loses nothing when 64 callers change different fields at once', async () => {
    await lore.addFact({ factId: 'busy', content: 'busy fact' });
    await Promise.all(
      Array.from({ length: 64 }, (_, at) => {
        if (at % 4 === 0) return lore.facts.update('busy', { category: 'c' });
        if (at % 4 === 1) return lore.facts.update('busy', { confidence: 1 });
        return at % 4 === 2 ? lore.facts.update('busy', { source: 's' }) : lore.facts.verify('busy');
      }),
    );

    expect(await lore.facts.get('busy')).toMatchObject({
      category: 'c',
      confidence: 1,
      source: 's',
      verified: true,
    });
  });

  it('does not bring back a fact that is gone', async () => {
    await lore.facts.delete('busy');

    for (const attempt of [
      () => lore.facts.update('busy', { confidence: 1 }),
      () => lore.updateFact('busy', { content: 'Other.' }),
      () => lore.facts.get('busy'),
      () => lore.facts.delete('busy'),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(await knowledge.send(['EXISTS', 'fact:busy'])).toBe(0);
  });
});

describe('listing facts', () => {
  beforeAll(async () => {
    const facts = [
      ['tide-1', 0.2, 'tides, 2024.md', false],
      ['tide-2', 0.8, 'tides, 2024.md', false],
      ['tide-3', 0.5, 'b|c {d}.md', true],
      ['tide-4', 0.9, 'b\\c.md', true],
    ] as const;
    for (const [at, [factId, confidence, source, verified]] of facts.entries()) {
      const createdAt = new Date(Date.UTC(2025, 0, 1 + at));
      await lore.facts.add({
        factId,
        content: factId,
        category: 'Tides',
        confidence,
        source,
        verified,
        createdAt,
      });
    }
    await hset(
      'fact:tide:5',
      foreign('tide five', { category: 'Tides', created_at: '2025-01-05T00:00:00.123456' }),
    );
  });
  const ids = async (filter: Parameters<Stacklore['facts']['list']>[0]) =>
    (await lore.facts.list({ category: 'Tides', ...filter })).items.map(({ factId }) => factId);

  it('gives the newest first, page by page, those of other writers among them', async () => {
    expect(await lore.facts.list({ category: 'Tides', offset: 1, limit: 2 })).toMatchObject({
      ...{ total: 5, unreadable: [] },
      items: [{ factId: 'tide-4' }, { factId: 'tide-3' }],
    });
    expect(await ids({})).toEqual(['tide:5', 'tide-4', 'tide-3', 'tide-2', 'tide-1']);
  });

  it.each([
    [{ verified: true }, ['tide:5', 'tide-4', 'tide-3']],
    [{ verified: false }, ['tide-2', 'tide-1']],
    [{ minConfidence: 0.8 }, ['tide:5', 'tide-4', 'tide-2']],
    [{ trustedFrom: 0.8 }, ['tide:5', 'tide-4', 'tide-3', 'tide-2']],
    [{ source: 'tides, 2024.md' }, ['tide-2', 'tide-1']],
    [{ source: ['b|c {d}.md', 'b\\c.md'] }, ['tide-4', 'tide-3']],
    [{ source: 'tides' }, []],
    [{ category: ['tides', 'nothing'] }, []],
    [{ verified: true, minConfidence: 0.9 }, ['tide:5', 'tide-4']],
  ])('gives those that pass %j', async (filter, expected) => {
    expect(await ids(filter)).toEqual(expected);
  });

  it.each([
    { categry: 'Tides' },
    { minConfidence: 80 },
    { verified: 'yes' },
    { source: [] },
    { category: 'a\x1fb' },
    { trustedFrom: Number.NaN },
  ])('refuses the filter %j instead of giving all or nothing', async (filter) => {
    // As a program without types may call it.
    const wrong = filter as Parameters<Stacklore['facts']['list']>[0];
    await expect(lore.facts.list(wrong)).rejects.toMatchObject({ code: 'invalid_filter' });
    await expect(lore.searchFacts({ query: 'tide', ...wrong })).rejects.toMatchObject({
      code: expect.stringMatching(/^invalid_(filter|input)$/),
    });
  });

  it('refuses a page that is none', async () => {
    for (const page of [{ offset: -1 }, { limit: 1.5 }, { offset: 1_000_000, limit: 1 }]) {
      await expect(lore.facts.list(page)).rejects.toMatchObject({ code: 'invalid_input' });
    }
  });

  it('changes nothing of a fact whose other fields cannot be read, and mends the one that is given', async () => {
    const key = 'fact:unread';
    const fields = { content: 'x', category: 'Unread', source: 'y', created_at: '2025-01-15T10:30:00Z' };
    await hset(key, { ...fields, confidence: 'high' });
    await knowledge.send(['HSET', key, 'verified', Buffer.from([0xff])]);
    const stored = () => knowledge.send(['HGETALL', key], { buffers: true });
    const before = await stored();

    for (const change of [{ category: 'Other' }, { content: 'z' }, { confidence: 0.5 }]) {
      await expect(lore.facts.update('unread', change)).rejects.toMatchObject({
        code: 'record_invalid',
        key,
      });
    }
    await expect(lore.facts.update('unread', { verified: true })).rejects.toMatchObject({ key });
    expect(await stored()).toEqual(before);
    expect(await lore.facts.update('unread', { confidence: 0.5, verified: true })).toMatchObject({
      ...{ confidence: 0.5, verified: true, category: 'Unread' },
    });
    await lore.facts.delete('unread');
  });

  it('keeps every change of those made to one fact at once', async () => {
    await lore.facts.add({ factId: 'busy', content: 'busy', category: 'Busy', confidence: 0 });
    const changes = Array.from({ length: 64 }, (_, n) =>
      n % 2 === 0 ? { confidence: (n + 1) / 100 } : { source: `source ${n}` },
    );
    await Promise.all(changes.map((change) => lore.facts.update('busy', change)));
    const fact = await lore.facts.get('busy');
    expect(fact.confidence).toBeGreaterThan(0);
    expect(fact.source).toMatch(/^source /);
    await lore.facts.delete('busy');
    await expect(lore.facts.update('busy', { source: 'x' })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('names a fact that cannot be read and gives the others', async () => {
    await hset('fact:torn', {
      content: 'half a fact',
      category: 'Torn',
      confidence: '0.5',
      verified: 'true',
    });
    await lore.facts.add({ factId: 'whole', content: 'whole', category: 'Torn' });

    expect(await lore.facts.list({ category: 'Torn' })).toEqual({
      items: [await lore.facts.get('whole')],
      total: 2,
      unreadable: [{ factId: 'torn', message: expect.stringContaining('"fact:torn"') }],
    });
    await expect(lore.facts.get('torn')).rejects.toMatchObject({ code: 'record_invalid', key: 'fact:torn' });
  });
});

describe('wrong input', () => {
  it.each([
    [{ content: ' ' }, 'content'],
    [{ content: 'x'.repeat(16_385) }, 'content'],
    [{ content: 'half \ud800' }, 'content'],
    [{ content: 'c', confidence: 1.01 }, 'confidence'],
    [{ content: 'c', confidence: Number.NaN }, 'confidence'],
    [{ content: 'c', category: 'a\0b' }, 'category'],
    [{ content: 'c', sorce: 'typo' }, 'sorce'],
    [{ content: 'c', factId: '' }, 'factId'],
    [{ content: 'c', factId: 'x'.repeat(513) }, 'factId'],
    [{ content: 'c', createdAt: new Date(Number.NaN) }, 'createdAt'],
    [undefined, 'fact'],
  ])('is refused: %o', async (input, names) => {
    // As a program without types may call it.
    const attempt = lore.facts.add(input as never);
    await expect(attempt).rejects.toMatchObject({
      ...{ code: 'invalid_input', message: expect.stringContaining(names) },
    });
  });

  it('of a change is refused', async () => {
    for (const changes of [{}, { confidence: 2 }, { factId: 'other' }, { content: undefined }]) {
      await expect(lore.facts.update('f001', changes as never)).rejects.toMatchObject({
        code: 'invalid_input',
      });
    }
  });

  it('of a vector is refused and nothing is written', async () => {
    const { embedded } = await embeddedBy(lore, 'a vector');
    for (const [embedding, code] of [
      [Float32Array.of(1, 2), 'dimension_mismatch'],
      [new Float32Array(64), 'invalid_vector'],
      [new Float32Array(64).fill(Number.NaN), 'invalid_vector'],
    ] as const) {
      const attempt = lore.facts.add(
        { factId: 'bad', content: 'bad' },
        { embedded: { ...embedded, embedding } },
      );
      await expect(attempt).rejects.toMatchObject({ code });
    }
    expect(await lore.facts.find('bad')).toBeUndefined();
  });

  it('at the key, of another Redis type, is named and left alone', async () => {
    await knowledge.send(['SET', 'fact:text', 'not a hash']);
    const named = { code: 'record_invalid', key: 'fact:text' };

    await expect(lore.facts.get('text')).rejects.toMatchObject(named);
    await expect(lore.facts.update('text', { verified: true })).rejects.toMatchObject(named);
    await expect(lore.facts.save({ factId: 'text', content: 'c' })).rejects.toMatchObject(named);
    expect(await knowledge.send(['GET', 'fact:text'])).toBe('not a hash');
    await knowledge.send(['UNLINK', 'fact:text']);
  });
});

describe('a lost index', () => {
  const lose = async () => {
    for (const index of await knowledge.send<string[]>(['FT._LIST'])) {
      if (index.startsWith('stacklore:facts:')) await knowledge.send(['FT.DROPINDEX', index]);
    }
  };

  it('is rebuilt by a list', async () => {
    await lose();
    expect((await lore.facts.list({ category: 'Tides' })).total).toBe(5);
  });

  it('is rebuilt by a search, which says so', async () => {
    await lose();
    const { hits, warnings } = await lore.searchFacts({ query: 'apples on trees', topK: 1 });
    expect(hits).toMatchObject([{ factId: 'changing' }]);
    expect(warnings).toContainEqual(expect.stringContaining('rebuilt'));
  });

  it('does not keep a fact from being added once, with its duplicates', async () => {
    await lose();
    const { factId, duplicates } = await lore.addFact({ factId: 'late', content: 'apples grow on trees' });
    await lose();
    const again = lore.addFact({ factId: 'late', content: 'something else' });

    expect({ factId, duplicates }).toMatchObject({
      factId: 'late',
      duplicates: [{ factId: 'changing', exact: true }],
    });
    await expect(again).rejects.toMatchObject({ code: 'already_exists' });
  });
});

async function embeddedBy(store: Stacklore, content: string) {
  const { model, dimensions } = new FakeEmbedder();
  const [embedding] = await store.embedTexts([content]);
  const manifest = { formatVersion: 1 as const, model, dimensions };
  return { embedded: { embedding: embedding as Float32Array, manifest } };
}
