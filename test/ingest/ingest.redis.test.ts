import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IngestRequest, TextDocument } from '../../src/ingest/ingest.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let embedder: FakeEmbedder;
let folder: string;
let number = 0;
let collection: string;

beforeAll(() => {
  embedder = new FakeEmbedder();
  lore = openTestLore(redis, {}, { embedder });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stacklore-ingest-'));
  number += 1;
  collection = `c${number}`;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = async (name: string, text: string) => {
  await mkdir(join(folder, name, '..'), { recursive: true });
  await writeFile(join(folder, name), text);
};
const ingest = (more: Partial<IngestRequest> = {}) => lore.ingest({ sources: [folder], collection, ...more });
const find = async (query: string) => (await lore.search({ query, collection, topK: 1 })).hits[0];
const sources = async () =>
  (await lore.documents.list(collection)).items.map(({ source }) => source.slice(folder.length + 1)).sort();

it('makes a folder of Markdown searchable, with title, headings and offsets into the parsed text', async () => {
  await write('lighthouse.md', '# Lighthouse\n\n## Lamp\n\nThe lamp burns whale oil.\n');
  await write('harbour.md', '# Harbour\n\nBoats moor at the pier.\n');
  const report = await ingest();
  expect(report.counts).toMatchObject({ created: 2, failed: 0 });
  const hit = await find('whale oil lamp');
  expect(hit).toMatchObject({ title: 'Lighthouse', source: join(folder, 'lighthouse.md') });
  expect(hit?.headings).toEqual(['Lighthouse', 'Lamp']);
  expect(hit?.text).toContain('The lamp burns whale oil.');
  expect((hit?.end ?? 0) - (hit?.start ?? 0)).toBe(hit?.text.length);
});

describe('a second ingest', () => {
  it('embeds nothing when nothing changed', async () => {
    await write('a.md', '# A\n\nAlpha text.\n');
    await ingest();
    const before = embedder.embedded.length;
    const report = await ingest();
    expect(report.counts).toMatchObject({ unchanged: 1, created: 0, updated: 0 });
    expect(embedder.embedded).toHaveLength(before);
  });

  it('restores with force what was lost by hand, and embeds only that', async () => {
    const section = (name: string) =>
      `## ${name}\n\n${Array.from({ length: 60 }, (_, n) => `${name}${n}`).join(' ')}.\n\n`;
    await write('a.md', `# A\n\n${['one', 'two', 'three', 'four'].map(section).join('')}`);
    const { chunks } = await ingest({ settings: { chunkSize: 100, chunkOverlap: 0 } });
    expect(chunks).toBeGreaterThan(3);
    const { knowledge } = lore.databases;
    const keys = await allKeys(knowledge, `llama_index/vector_store/${collection}/*`);
    const stored = () =>
      knowledge.pipeline<Buffer[]>(
        keys.map((key) => ['HMGET', key, 'embedding', 'text', 'input_hash', 'node_id']),
        { buffers: true },
      );
    const before = await stored();
    await knowledge.send(['UNLINK', keys[1] ?? '']);
    await knowledge.send(['HSET', keys[2] ?? '', 'embedding', Buffer.alloc(before[2]?.[0]?.length ?? 0)]);
    await knowledge.send(['HDEL', keys[3] ?? '', 'text']);

    expect(await ingest()).toMatchObject({ counts: { unchanged: 1 }, embedded: 0 });
    const forced = await ingest({ force: true });

    expect(forced).toMatchObject({ counts: { updated: 1, unchanged: 0 }, chunks, embedded: 2 });
    expect(await stored()).toEqual(before);
    expect(await ingest({ force: true })).toMatchObject({ counts: { updated: 1 }, embedded: 0 });
  });

  it('keeps with force a document whose text another one was given too', async () => {
    await write('a.md', 'Same.');
    await ingest();
    await lore.ingestTexts([{ docId: `x-${collection}`, source: 'x.md', text: 'Same.' }], { collection });
    expect((await ingest({ force: true })).counts).toMatchObject({ updated: 1, duplicate: 0 });
    expect((await lore.documents.list(collection)).total).toBe(2);
  });

  it('embeds only the chunks whose input changed', async () => {
    const section = (name: string, word: string) =>
      `## ${name}\n\n${Array.from({ length: 60 }, (_, n) => `${word}${n}`).join(' ')}.\n\n`;
    await write(
      'a.md',
      `# A\n\n${section('One', 'one')}${section('Two', 'two')}${section('Three', 'three')}`,
    );
    const first = await ingest();
    await write(
      'a.md',
      `# A\n\n${section('One', 'one')}${section('Two', 'changed')}${section('Three', 'three')}`,
    );
    const second = await ingest();
    expect(second.counts.updated).toBe(1);
    expect(second.embedded).toBeGreaterThan(0);
    expect(second.embedded).toBeLessThan(first.embedded);
    expect((await find('changed1 changed2 changed3'))?.text).toContain('changed1');
  });

  it('takes over changed metadata although the text stayed', async () => {
    await write('a.md', '---\nowner: Ada\n---\n# A\n\nText.\n');
    await ingest();
    await write('a.md', '---\nowner: Grace\n---\n# A\n\nText.\n');
    const report = await ingest();
    expect(report).toMatchObject({ counts: { updated: 1 }, embedded: 0 });
    expect((await find('text'))?.metadata.owner).toBe('Grace');
  });
});

describe('equal content', () => {
  it('is stored once and reported, whichever file comes first', async () => {
    await write('a.md', '# Same\n\nSame text.\n');
    await write('b.md', '# Same\n\nSame text.\n');
    const report = await ingest();
    expect(report.counts).toMatchObject({ created: 1, duplicate: 1 });
    expect(report.problems[0]).toMatchObject({ status: 'duplicate', duplicateOf: expect.any(String) });
    expect(await sources()).toHaveLength(1);
  });

  it('follows a file that was renamed', async () => {
    await write('old.md', '# Same\n\nSame text.\n');
    await ingest({ prune: true });
    await rename(join(folder, 'old.md'), join(folder, 'new.md'));
    const report = await ingest({ prune: true });
    expect(report.counts).toMatchObject({ created: 1, pruned: 1, duplicate: 0 });
    expect(await sources()).toEqual(['new.md']);
  });

  it('is not lost when what had it first changes in the same run', async () => {
    await write('b.md', '# B\n\nThe text that wanders.\n');
    await ingest();
    await write('a.md', '# B\n\nThe text that wanders.\n');
    await write('b.md', '# B\n\nSomething else.\n');
    const report = await ingest();
    expect(report.counts).toMatchObject({ created: 1, updated: 1, duplicate: 0 });
    expect(await find('text that wanders')).toMatchObject({ source: join(folder, 'a.md') });
  });

  it('changes places between two files without loss', async () => {
    await write('a.md', '# A\n\nFirst words.\n');
    await write('b.md', '# A\n\nSecond words.\n');
    await ingest();
    await write('a.md', '# A\n\nSecond words.\n');
    await write('b.md', '# A\n\nFirst words.\n');
    expect((await ingest()).counts).toMatchObject({ updated: 2, duplicate: 0 });
    expect(await find('first')).toMatchObject({ source: join(folder, 'b.md') });
    expect(await find('second')).toMatchObject({ source: join(folder, 'a.md') });
  });

  it('is not taken for a duplicate of a document that got another text meanwhile', async () => {
    await write('a.md', '# A\n\nFirst words.\n');
    await write('b.md', '# A\n\nSecond words.\n');
    await ingest();
    const late = openTestLore(redis, {}, { embedder });
    const findByHash = late.documents.findByHash.bind(late.documents);
    const first = await late.documents.find((await find('first'))?.docId ?? '');
    late.documents.findByHash = async (name, hash) => {
      const found = await findByHash(name, hash);
      // Long enough for the other document to be replaced between this answer and its use.
      if (hash === first?.hash) await new Promise((resolve) => setTimeout(resolve, 300));
      return found;
    };
    await write('a.md', '# A\n\nSecond words.\n');
    await write('b.md', '# A\n\nFirst words.\n');
    const report = await late.ingest({ sources: [folder], collection });
    expect(report.counts).toMatchObject({ updated: 2, duplicate: 0 });
  });

  it('leaves the older version of a file in place until its new text is stored', async () => {
    await write('a.md', '# A\n\nOlder words.\n');
    await write('b.md', '# A\n\nWandering poison.\n');
    await ingest();
    await write('a.md', '# A\n\nWandering poison.\n');
    await write('b.md', '# A\n\nOther words.\n');
    const onText = (text: string) => {
      if (text.includes('poison')) throw new Error('out of memory');
    };
    const failing = openTestLore(redis, {}, { embedder: new FakeEmbedder({ onText }) });
    const report = await failing.ingest({ sources: [folder], collection });
    expect(report.counts).toMatchObject({ updated: 1, failed: 1, duplicate: 0 });
    expect(await find('older')).toMatchObject({ source: join(folder, 'a.md') });
  });

  it('stays reported as duplicate, run after run', async () => {
    await write('a.md', '# Same\n\nSame text.\n');
    await write('b.md', '# Same\n\nSame text.\n');
    await write('rows.jsonl', '{"text":"same row"}\n{"text":"same row"}\n');
    const expected = { duplicate: 2, failed: 0 };
    expect((await ingest()).counts).toMatchObject({ ...expected, created: 2 });
    expect((await ingest()).counts).toMatchObject({ ...expected, unchanged: 2 });
  });

  it('does not swallow rows that carry ids of their own', async () => {
    await write('rows.jsonl', '{"_id":"r1","text":"same words"}\n{"_id":"r2","text":"same words"}\n');
    expect((await ingest()).counts).toMatchObject({ created: 2, duplicate: 0 });
  });
});

describe('prune', () => {
  it('removes documents of vanished files below the folder, and nothing else', async () => {
    await write('in/a.md', '# A\n\nAlpha.\n');
    await write('in/b.md', '# B\n\nBeta.\n');
    await write('out/c.md', '# C\n\nGamma.\n');
    await ingest();
    await rm(join(folder, 'in/a.md'));
    await rm(join(folder, 'out/c.md'));
    const report = await ingest({ sources: [join(folder, 'in')], prune: true });
    expect(report.counts.pruned).toBe(1);
    expect(await sources()).toEqual(['in/b.md', 'out/c.md']);
  });

  it('removes rows that are no longer in their file', async () => {
    await write('rows.jsonl', '{"_id":"p1","text":"first row"}\n{"_id":"p2","text":"second row"}\n');
    await ingest({ prune: true });
    await write('rows.jsonl', '{"_id":"p2","text":"second row"}\n');
    expect((await ingest({ prune: true })).counts).toMatchObject({ pruned: 1, unchanged: 1 });
    expect(await lore.documents.find('p1')).toBeUndefined();
  });

  it('removes all rows of a file that has none any more', async () => {
    await write('rows.csv', 'title,text\nOne,first row\n');
    await ingest();
    await write('rows.csv', 'title,text\n');
    expect((await ingest({ prune: true })).counts).toMatchObject({ pruned: 1 });
  });

  it('tells rows from files whose names hold a #', async () => {
    await write('notes', '# Notes\n\nAlpha.\n');
    await write('notes#1.md', '# Other notes\n\nBeta.\n');
    await write('F', '# F\n\nGamma.\n');
    await write('F#.md', '# F again\n\nDelta.\n');
    await ingest({ prune: true });
    await rm(join(folder, 'notes#1.md'));
    expect((await ingest({ prune: true })).counts).toMatchObject({ pruned: 1, unchanged: 3 });
    expect(await sources()).toEqual(['F', 'F#.md', 'notes']);
  });

  it('leaves alone what never was a file', async () => {
    await write('a.md', '# A\n\nAlpha.\n');
    await lore.ingestTexts([{ text: 'Beta.', source: 'memory/1' }], { collection });
    await ingest({ sources: ['-'], read: { stdin: Readable.from(['Gamma.']), stdinName: 'piped.md' } });
    const report = await ingest({ prune: true, read: { base: folder } });
    expect(report.counts).toMatchObject({ created: 1, pruned: 0 });
    expect((await lore.documents.list(collection)).items.map(({ source }) => source).sort()).toEqual([
      'a.md',
      'memory/1',
      'piped.md',
    ]);
  });

  it('keeps what it cannot look for', async () => {
    await write('in/sub/a.md', '# A\n\nAlpha.\n');
    await ingest();
    await rm(join(folder, 'in/sub'), { recursive: true });
    await symlink('sub', join(folder, 'in/sub'));
    expect((await ingest({ prune: true })).counts).toMatchObject({ pruned: 0 });
    expect(await sources()).toEqual(['in/sub/a.md']);
  });

  it('keeps everything when the folder itself is gone', async () => {
    await write('in/a.md', '# A\n\nAlpha.\n');
    await ingest({ sources: [join(folder, 'in')] });
    await rm(join(folder, 'in'), { recursive: true });
    const report = await ingest({ sources: [join(folder, 'in')], prune: true });
    expect(report.counts).toMatchObject({ failed: 1, pruned: 0 });
    expect(await sources()).toEqual(['in/a.md']);
  });
});

describe('when embedding fails', () => {
  it('keeps the old version whole and searchable', async () => {
    await write('a.md', '# A\n\nThe old words stand.\n');
    await ingest();
    await write('a.md', '# A\n\nThe new words poison everything.\n');
    const failing = new FakeEmbedder({
      onText: (text) => {
        if (text.includes('poison')) throw new Error('out of memory');
      },
    });
    const broken = openTestLore(redis, {}, { embedder: failing });
    const report = await broken.ingest({ sources: [folder], collection });
    expect(report.counts).toMatchObject({ failed: 1, updated: 0 });
    expect((await find('old words stand'))?.text).toContain('The old words stand.');
    expect((await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`)).length).toBe(
      1,
    );
  });

  it('goes on with the other documents', async () => {
    await write('a.md', '# A\n\npoison\n');
    await write('b.md', '# B\n\nfine\n');
    const failing = new FakeEmbedder({
      onText: (text) => {
        if (text.includes('poison')) throw new Error('out of memory');
      },
    });
    const report = await openTestLore(redis, {}, { embedder: failing }).ingest({
      sources: [folder],
      collection,
    });
    expect(report.counts).toMatchObject({ failed: 1, created: 1 });
    expect(report.problems[0]?.reason).toContain('out of memory');
  });
});

it('keeps one file in two collections apart when it is deleted from one', async () => {
  await write('a.md', '# A\n\nShared by two.\n');
  await ingest();
  await lore.ingest({ sources: [folder], collection: `${collection}-second` });
  const [document] = (await lore.documents.list(collection)).items;
  await lore.documents.delete(document?.docId ?? '');
  expect((await lore.search({ query: 'shared', collection })).hits).toEqual([]);
  expect((await lore.search({ query: 'shared', collection: `${collection}-second` })).hits).toHaveLength(1);
});

it('keeps one file of rows with ids in two collections apart', async () => {
  await write('rows.jsonl', '{"_id":"shared-row","text":"a row in two places"}\n');
  await ingest();
  const second = `${collection}-second`;
  await lore.ingest({ sources: [folder], collection: second });
  await lore.ingest({ sources: [folder], collection: second });
  expect((await lore.search({ query: 'row', collection })).hits.map(({ docId }) => docId)).toEqual([
    'shared-row',
  ]);
  const hits = (await lore.search({ query: 'row', collection: second })).hits;
  expect(hits.map(({ docId, metadata }) => [docId, metadata._id])).toEqual([
    [`${second}:shared-row`, 'shared-row'],
  ]);
});

it('leaves no collection behind when nothing was ingested into a new one', async () => {
  const missing = join(folder, 'nofile.md');
  expect((await ingest({ sources: [missing] })).counts).toMatchObject({ failed: 1 });
  expect(await lore.collections.find(collection)).toBeUndefined();
  await write('a.md', '# A\n\nAlpha.\n');
  await ingest();
  await ingest({ sources: [missing] });
  expect(await lore.collections.find(collection)).toMatchObject({ name: collection });
});

describe('rows of one id', () => {
  const people = 'id,text\n1,Anna repairs boats\n2,Bert bakes bread\n';
  const tools = 'id,text\n1,A hammer drives nails\n3,A saw cuts planks\n';

  it('are kept apart: of two files the first keeps its row, and the other is told what to do', async () => {
    await write('people.csv', people);
    await write('tools.csv', tools);
    const report = await ingest();
    expect(report.counts).toMatchObject({ created: 3, updated: 0, failed: 1 });
    const [problem] = report.problems;
    expect(problem).toMatchObject({ source: join(folder, 'tools.csv#1'), code: 'already_exists' });
    expect(problem?.reason).toMatch(/"1" is that of .*people\.csv#1 .*docs delete 1$/);
    expect(await lore.documents.find('1')).toMatchObject({ source: join(folder, 'people.csv#1') });
    expect((await ingest()).counts).toMatchObject({ unchanged: 3, failed: 1 });
  });

  it('are updated by the file they came from', async () => {
    await write('people.csv', people);
    await ingest();
    await write('people.csv', people.replace('boats', 'ships'));
    expect((await ingest()).counts).toMatchObject({ updated: 1, unchanged: 1, failed: 0 });
  });

  it('do not replace each other within a file', async () => {
    await write('people.csv', `${people}1,Carla sails\n`);
    for (const counts of [
      { created: 2, failed: 1 },
      { unchanged: 2, failed: 1 },
    ]) {
      const report = await ingest();
      expect(report.counts).toMatchObject({ ...counts, updated: 0 });
      expect(report.problems[0]?.reason).toContain('an earlier row of the same source');
    }
    expect(await find('Anna')).toMatchObject({ text: 'Anna repairs boats' });
  });

  it('move with a file that was renamed, when pruning', async () => {
    await write('people.csv', people);
    await ingest();
    await rename(join(folder, 'people.csv'), join(folder, 'staff.csv'));
    expect((await ingest({ prune: true })).counts).toMatchObject({ updated: 2, failed: 0, pruned: 0 });
  });
});

it('keeps what standard input had given when it is empty, and fails', async () => {
  const pipe = (...text: string[]) =>
    ingest({ sources: ['-'], read: { stdin: Readable.from(text), stdinName: 'piped.md' } });
  await pipe('Gamma rays.');
  for (const report of [await pipe(), await pipe(' \n')]) {
    expect(report.counts).toMatchObject({ failed: 1, pruned: 0 });
    expect(report.problems[0]?.reason).toMatch(/^Standard input: .*earlier text was kept.*docs delete/);
  }
  expect(await find('Gamma')).toMatchObject({ source: 'piped.md' });
});

it('ends with one whole version when two ingests of one file run at once', async () => {
  const texts = [1, 2].map((n) => `# A\n\n${`Words of version ${n}. `.repeat(200 * n)}`);
  await Promise.all([write('first/a.md', texts[0] ?? ''), write('second/a.md', texts[1] ?? '')]);
  const lores = [lore, openTestLore(redis)];
  const reports = await Promise.all(
    ['first', 'second'].map((name, n) =>
      lores[n]?.ingest({ sources: ['a.md'], collection, read: readFrom(name) }),
    ),
  );
  expect(reports.map((report) => report?.counts.failed)).toEqual([0, 0]);
  const { items } = await lore.documents.list(collection);
  expect(items).toHaveLength(1);
  const document = await lore.documents.get(items[0]?.docId ?? '');
  const stored: string[] = [];
  for await (const { text } of lore.documents.chunks(document)) stored.push(text);
  const versions = new Set(stored.join(' ').match(/version \d/g));
  expect([...versions]).toHaveLength(1);
  const keys = await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`);
  expect(keys).toHaveLength(document.chunkCount);
});

/** Two folders whose files have the same sources. */
const readFrom = (name: string) => ({ cwd: join(folder, name), base: join(folder, name) });

it('deletes the text of a file that became empty, and says so', async () => {
  await write('a.md', '# A\n\nAlpha words.\n');
  await write('b.md', '# B\n\nBeta words.\n');
  await ingest();
  await write('a.md', '');
  await write('b.md', '\n\n');
  const report = await ingest();
  expect(report.counts).toMatchObject({ pruned: 2, skipped: 0, unchanged: 0 });
  expect(report.problems[0]?.reason).toContain('is empty. Its earlier text was deleted');
  expect(await sources()).toEqual([]);
  expect((await ingest()).counts).toMatchObject({ pruned: 0, skipped: 2 });
});

it('reports a file this user may not read, and ingests it for a user who may', async () => {
  await write('a.md', '# A\n\nAlpha words.\n');
  await chmod(join(folder, 'a.md'), 0o000);
  const { counts, problems } = await ingest();
  if (process.getuid?.() === 0) expect(counts).toMatchObject({ created: 1, failed: 0 });
  else {
    expect(counts).toMatchObject({ created: 0, failed: 1 });
    expect(problems[0]).toMatchObject({
      code: 'source_unreadable',
      reason: expect.stringContaining('may not be read by this user'),
    });
  }
});

it('refuses a document whose length alone is too much for its chunks', async () => {
  await write('a.txt', 'x'.repeat(64 * 24 + 1));
  const report = await ingest({ maxChunks: 1, settings: { chunkSize: 64 } });
  expect(report.problems[0]).toMatchObject({ status: 'failed', code: 'too_large' });
});

describe('a request', () => {
  it.each([
    ['no list of sources', { sources: 'docs' }, 'sources: '],
    ['no sources', { sources: [] }, 'sources: name at least one source.'],
    ['a number that is none', { sources: ['x'], maxChunks: Number.NaN }, 'maxChunks: '],
    ['a limit of nothing', { sources: ['x'], read: { maxBytes: 0 } }, 'read.maxBytes: '],
    ['an unknown setting', { sources: ['x'], settings: { chunksize: 3 } }, 'settings: '],
    ['an unknown member', { sources: ['x'], recursive: true }, '"recursive"'],
  ])('with %s is refused, naming it', async (_, request, says) => {
    // What a program without types may hand over.
    await expect(lore.ingest(request as unknown as IngestRequest)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(says),
    });
  });

  it('for texts is refused where it is wrong, and so is each text by itself', async () => {
    const wrong = { collection, prune: true } as object;
    await expect(lore.ingestTexts([], wrong)).rejects.toMatchObject({ code: 'invalid_input' });
    // What a program without types may hand over.
    const texts = [{ text: 5, source: 'memory:1' } as unknown as TextDocument];
    const report = await lore.ingestTexts([...texts, { text: 'Fine.', source: 'memory:2' }], { collection });
    expect(report).toMatchObject({ counts: { created: 1, failed: 1 } });
    expect(report.problems[0]).toMatchObject({ code: 'invalid_input', source: 'memory:1' });
  });
});

it('refuses a document of more chunks than allowed, naming the flag', async () => {
  await write('a.md', `# A\n\n${'Many words come here. '.repeat(400)}`);
  const report = await ingest({ maxChunks: 3 });
  expect(report.problems[0]).toMatchObject({
    status: 'failed',
    code: 'too_large',
    reason: expect.stringContaining('--max-chunks'),
  });
});

it('refuses to ingest with another model, and with other settings, naming the remedy', async () => {
  await write('a.md', '# A\n\nText.\n');
  await ingest({ settings: { chunkSize: 64, chunkOverlap: 8 } });
  await expect(ingest({ settings: { chunkSize: 100 } })).rejects.toMatchObject({
    code: 'manifest_mismatch',
    message: expect.stringContaining('chunkSize 64'),
  });
  const other = openTestLore(redis, {}, { embedder: new FakeEmbedder({ model: { name: 'fake/other' } }) });
  await expect(other.ingest({ sources: [folder], collection })).rejects.toMatchObject({
    code: 'manifest_mismatch',
  });
});

it('refuses another quantisation of the same model for ingest and allows it, with a warning, for search', async () => {
  await write('a.md', '# A\n\nText of words.\n');
  await ingest();
  const embedderOfOther = new FakeEmbedder({ model: { weightsSha256: 'f'.repeat(64) } });
  const other = openTestLore(redis, {}, { embedder: embedderOfOther });
  await expect(other.ingest({ sources: [folder], collection })).rejects.toMatchObject({
    code: 'manifest_mismatch',
    message: expect.stringMatching(
      /\(weights \S+, configured ffffffff…\)\. Set STACKLORE_MODEL_DIR .*, or ingest into another/,
    ),
  });
  const answer = await other.search({ query: 'words', collection });
  expect(answer.hits).toHaveLength(1);
  expect(answer.warnings).toHaveLength(1);
});

it('finishes the documents under way when interrupted, and says that it stopped early', async () => {
  for (let n = 0; n < 30; n += 1) await write(`f${n}.md`, `# F${n}\n\nText number ${n}.\n`);
  const stop = new AbortController();
  const report = await ingest({
    signal: stop.signal,
    onEvent: (event) => {
      if (event.kind === 'document') stop.abort();
    },
  });
  expect(report.interrupted).toBe(true);
  expect(report.counts.created).toBeGreaterThan(0);
  expect(report.counts.created).toBeLessThan(30);
  expect(await sources()).toHaveLength(report.counts.created);
  const again = await ingest();
  expect(again.counts).toMatchObject({
    created: 30 - report.counts.created,
    unchanged: report.counts.created,
  });
});

it('leaves a long document when interrupted, as it was', async () => {
  await write('long.md', '# Long\n\nShort as yet.\n');
  await ingest();
  const words = Array.from({ length: 30_000 }, (_, n) => `word${n}`).join(' ');
  await write('long.md', `# Long\n\n${words}\n`);
  const stop = new AbortController();
  let embedded = 0;
  const onText = () => {
    embedded += 1;
    stop.abort();
  };
  const slow = openTestLore(redis, {}, { embedder: new FakeEmbedder({ onText }) });
  const report = await slow.ingest({ sources: [folder], collection, signal: stop.signal });
  expect(report).toMatchObject({ interrupted: true, chunks: 0, problems: [] });
  expect(embedded).toBe(1);
  const { hits } = await lore.search({ query: 'short as yet', collection });
  expect(hits.map(({ text }) => text)).toEqual([expect.stringContaining('Short as yet.')]);
});

it('ingests texts that a program holds, under ids it gives', async () => {
  const report = await lore.ingestTexts(
    [
      { text: '# Given\n\nA given text.', source: 'memory:1', docId: 'given-1', metadata: { lang: 'en' } },
      { text: 'Bad id', source: 'memory:2', docId: ' padded ' },
    ],
    { collection },
  );
  expect(report.counts).toMatchObject({ created: 1, failed: 1 });
  expect(await find('given text')).toMatchObject({ docId: 'given-1', title: 'Given', source: 'memory:1' });
});

it('bumps the corpus version only when something was published or deleted', async () => {
  await write('a.md', '# A\n\nText.\n');
  await ingest();
  const { version } = await lore.collections.get(collection);
  await ingest();
  expect((await lore.collections.get(collection)).version).toBe(version);
});
