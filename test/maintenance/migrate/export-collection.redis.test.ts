import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeJsonl } from '../../../src/maintenance/migrate/write-jsonl.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
const folder = mkdtempSync(join(tmpdir(), 'stacklore-export-'));
let lore: Stacklore;

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts(
    [
      { docId: 'lamp', source: 'docs/lamp-light.md', title: 'Lamps', text: 'The "lamp" is lit: at dusk.' },
      { docId: 'a:b/ä', source: 'pier.md', text: paragraphs(12), metadata: { harbour: 'north', year: 1907 } },
    ],
    { collection: 'docs', settings: { chunkSize: 16, chunkOverlap: 4 } },
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

function paragraphs(count: number): string {
  return Array.from(
    { length: count },
    (_, n) => `Plank ${n} of the pier was laid in spring by a crew of ten.`,
  ).join('\n\n');
}

const exportTo = (request: Parameters<Stacklore['maintenance']['exportCollection']>[0]) =>
  lore.maintenance.exportCollection({ collection: 'docs', ...request });
const linesOf = (file: string) =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** All that a program sees of a collection's chunks, with their vectors. */
async function chunksOf(collection: string) {
  const chunks = [];
  for await (const document of lore.documents.all(collection)) {
    for await (const { chunkId, nodeId, text, metadata } of lore.documents.chunks(document)) {
      const [key = ''] = (
        await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`)
      ).filter((one) => one.endsWith(`/${chunkId}`));
      const embedding = await lore.databases.knowledge.send<Buffer>(['HGET', key, 'embedding'], {
        buffers: true,
      });
      chunks.push({ nodeId, text, metadata, embedding: embedding.toString('hex') });
    }
  }
  return chunks.sort((a, b) => a.nodeId.localeCompare(b.nodeId));
}

/** One chunk that is in no database. */
async function* pages() {
  yield [
    {
      ...{
        chunkId: 'a_chunk_0',
        docId: 'a',
        nodeId: 'n',
        title: 'A',
        source: 'a.md',
        contentType: 'text',
      },
      ...{ text: 'A', metadata: {}, embedding: Buffer.alloc(8), model: undefined },
    },
  ];
}

it('gives the vectors of a collection of float16 ones as float32', async () => {
  await lore.createCollection('half', { vectorType: 'float16' });
  await lore.ingestTexts([{ docId: 'lit', source: 'lit.md', text: 'The lamp is lit.' }], {
    collection: 'half',
  });
  const file = join(folder, 'half.jsonl');
  await exportTo({ collection: 'half', file, embeddings: 'base64' });
  const [line] = linesOf(file);
  rmSync(file);
  expect(Buffer.from(String(line?.embedding), 'base64')).toHaveLength(64 * 4);
});

describe('an export to JSON Lines', () => {
  it('has a line a chunk, in the order of each document', async () => {
    const file = join(folder, 'plain.jsonl');

    const report = await exportTo({ file });

    const lines = linesOf(file);
    expect(report).toMatchObject({
      layout: 'jsonl',
      to: file,
      documents: 2,
      chunks: lines.length,
      unlisted: 0,
    });
    expect(lines.find(({ docId }) => docId === 'lamp')).toEqual({
      id: 'lamp_chunk_0',
      docId: 'lamp',
      nodeId: expect.stringMatching(/-0$/),
      title: 'Lamps',
      source: 'docs/lamp-light.md',
      contentType: 'markdown',
      text: 'The "lamp" is lit: at dusk.',
      metadata: { _id: 'lamp', start: 0, end: 27, headings: [] },
    });
    const ids = lines.map(({ id }) => id).filter((id) => String(id).startsWith('a:b'));
    expect(ids.length).toBeGreaterThan(3);
    expect(ids).toEqual(ids.map((_, n) => `a:b/ä_chunk_${n}`));
    expect(readdirSync(folder)).toEqual(['plain.jsonl']);
  });

  it.each(['base64', 'numbers'] as const)(
    'comes back with the same chunks and vectors, as %s',
    async (embeddings) => {
      const file = join(folder, `${embeddings}.jsonl`);
      await exportTo({ file, embeddings });
      const before = await chunksOf('docs');
      await lore.dropCollection('docs');
      await lore.createCollection('docs', { chunkSize: 16, chunkOverlap: 4 });

      expect(await lore.maintenance.migrate({ layout: 'jsonl', file, collection: 'docs' })).toMatchObject({
        created: 2,
        failed: 0,
      });

      expect(await chunksOf('docs')).toEqual(before);
      expect(await lore.documents.get('lamp')).toMatchObject({
        title: 'Lamps',
        source: 'docs/lamp-light.md',
      });
      expect(await lore.maintenance.migrate({ layout: 'jsonl', file, collection: 'docs' })).toMatchObject({
        unchanged: 2,
      });
    },
  );

  it('is ingested again, a document a line', async () => {
    const file = join(folder, 'again.jsonl');
    const { chunks } = await exportTo({ file });

    const report = await lore.ingest({ sources: [file], collection: 'again' });

    expect(report).toMatchObject({ counts: { failed: 0, created: chunks } });
    const { hits } = await lore.search({ query: 'lamp dusk', collection: 'again', topK: 1 });
    expect(hits[0]).toMatchObject({ docId: 'lamp_chunk_0', text: 'The "lamp" is lit: at dusk.' });
    await lore.dropCollection('again');
  });

  it('never overwrites a file unless told, and leaves none behind when it fails', async () => {
    const file = join(folder, 'once.jsonl');
    await exportTo({ file });
    await expect(exportTo({ file })).rejects.toMatchObject({
      code: 'already_exists',
      message: expect.stringContaining('--overwrite'),
    });
    expect(await exportTo({ file, overwrite: true })).toMatchObject({ documents: 2 });

    await expect(exportTo({ file: join(folder, 'no/such/folder.jsonl') })).rejects.toMatchObject({
      code: 'archive_unwritable',
    });
    const stopped = AbortSignal.abort();
    await expect(exportTo({ file: join(folder, 'stopped.jsonl'), signal: stopped })).rejects.toMatchObject({
      code: 'aborted',
    });
    const locked = join(folder, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o555);
    if (process.getuid?.() !== 0) {
      await expect(exportTo({ file: join(locked, 'x.jsonl') })).rejects.toMatchObject({
        code: 'archive_unwritable',
      });
    }
    await expect(exportTo({ file: folder, overwrite: true })).rejects.toMatchObject({
      code: 'already_exists',
    });
    expect(readdirSync(folder).filter((name) => /partial|stopped/.test(name))).toEqual([]);
  });

  it('says so when the disk is full', async () => {
    const request = { file: join(folder, 'full.jsonl'), embeddings: 'none', overwrite: false } as const;

    await expect(writeJsonl(pages(), request, () => open('/dev/full', 'w'))).rejects.toMatchObject({
      code: 'archive_unwritable',
      message: expect.stringContaining('make room'),
    });
  });

  it.each([true, false])('is on disk before it has its name (overwrite: %s)', async (overwrite) => {
    const file = join(folder, `synced-${overwrite}.jsonl`);
    const request = { file, embeddings: 'none', overwrite } as const;
    const synced: unknown[] = [];

    await writeJsonl(pages(), request, async (path) => {
      const opened = await open(path, 'wx');
      const sync = opened.sync.bind(opened);
      opened.sync = async () => {
        synced.push({ lines: linesOf(path).length, isNamed: existsSync(file) });
        await sync();
      };
      return opened;
    });

    expect(synced).toEqual([{ lines: 1, isNamed: false }]);
    expect(linesOf(file)).toHaveLength(1);
  });

  it('has a chunk once that is stored under its raw and its escaped key', async () => {
    const { knowledge } = lore.databases;
    const docId = 'twice?';
    await lore.ingestTexts([{ docId, source: 'twice.md', text: 'Only once.' }], { collection: 'twice' });
    const [escaped = ''] = await allKeys(knowledge, 'llama_index/vector_store/twice/*');
    const raw = `llama_index/vector_store/twice/${docId}_chunk_0`;
    expect(raw).not.toBe(escaped);
    await knowledge.send(['COPY', escaped, raw]);
    await knowledge.send(['HSET', raw, 'text', 'As written by another program.']);
    const file = join(folder, 'twice.jsonl');

    const report = await exportTo({ collection: 'twice', file });

    expect(report).toMatchObject({ documents: 1, chunks: 1, unlisted: 0 });
    expect(linesOf(file)).toMatchObject([{ docId, text: 'As written by another program.' }]);
    const shown = [];
    for await (const { text } of lore.documents.chunks(await lore.documents.get(docId))) shown.push(text);
    expect(shown).toEqual(['As written by another program.']);
  });

  it('counts chunks of no listed document, which it leaves out', async () => {
    const key = 'llama_index/vector_store/docs/stray_chunk_0';
    await lore.databases.knowledge.send(['HSET', key, 'text', 'Stray.']);

    expect(await exportTo({ file: join(folder, 'stray.jsonl') })).toMatchObject({
      documents: 2,
      unlisted: 1,
    });

    await lore.databases.knowledge.send(['UNLINK', key]);
  });
});

describe('an export to another tool’s hashes', () => {
  it.each([
    ['llamaindex-python', 'llama_index/vector_'],
    ['langchain', 'doc:docs:'],
    ['redisvl', 'rvl:'],
  ] as const)('comes back from %s with the same chunks and vectors', async (layout, prefix) => {
    const { chunks } = await exportTo({ layout, prefix });
    const before = await chunksOf('docs');
    await lore.dropCollection('docs');

    expect(await lore.maintenance.migrate({ layout, prefix, collection: 'docs' })).toMatchObject({
      rows: chunks,
      created: 2,
      failed: 0,
    });

    expect(await chunksOf('docs')).toEqual(before);
  });

  it('has the fields that @langchain/redis reads', async () => {
    await exportTo({ layout: 'langchain', prefix: 'lc:' });
    const [chunk] = await chunksOf('docs').then((all) => all.filter(({ text }) => text.includes('"lamp"')));

    const key = `lc:${chunk?.nodeId}`;
    const reply = await lore.databases.knowledge.send<Buffer[]>(['HGETALL', key], { buffers: true });
    const fields = new Map(
      reply.flatMap((name, at) => (at % 2 === 0 ? [[String(name), reply[at + 1]]] : [])),
    );

    expect([...fields.keys()].sort()).toEqual(['content', 'content_vector', 'metadata']);
    expect(String(fields.get('content'))).toBe('The "lamp" is lit: at dusk.');
    expect(fields.get('content_vector')?.toString('hex')).toBe(chunk?.embedding);
    const metadata = String(fields.get('metadata'));
    expect(metadata).toContain('\\"source\\"\\:\\"docs/lamp\\-light.md\\"');
    const unescaped = metadata.replaceAll('\\-', '-').replaceAll('\\:', ':').replaceAll('\\"', '"');
    expect(JSON.parse(unescaped)).toMatchObject({
      source: 'docs/lamp-light.md',
      doc_id: 'lamp',
      title: 'Lamps',
    });
  });

  it('has the node that LlamaIndex for Python reads', async () => {
    await exportTo({ layout: 'llamaindex-python', prefix: 'li_' });
    const [chunk] = await chunksOf('docs').then((all) => all.filter(({ text }) => text.includes('"lamp"')));
    const key = `li_${chunk?.nodeId}`;
    const names = ['id', 'doc_id', 'text', '_node_type', '_node_content'];
    const [id, docId, text, type, node] = await lore.databases.knowledge.send<string[]>([
      'HMGET',
      key,
      ...names,
    ]);

    expect({ id, docId, text, type }).toEqual({
      ...{ id: chunk?.nodeId, docId: 'lamp', text: 'The "lamp" is lit: at dusk.', type: 'TextNode' },
    });
    expect(JSON.parse(node ?? '')).toMatchObject({
      id_: chunk?.nodeId,
      class_name: 'TextNode',
      metadata: { source: 'docs/lamp-light.md' },
      relationships: { 1: { node_id: 'lamp', node_type: '4' } },
    });
  });

  it('goes into another number, keeps keys that are there, and replaces them when told', async () => {
    const request = {
      layout: 'redisvl',
      prefix: 'out:',
      toNumber: 5,
      textField: 'body',
      vectorField: 'vec',
    } as const;
    const { chunks } = await exportTo(request);
    const far = lore.databases.knowledge.duplicate({ number: 5 });
    const [key = ''] = await allKeys(far, 'out:*');
    await far.send(['HSET', key, 'body', 'changed']);

    expect(await exportTo(request)).toMatchObject({ chunks, existing: chunks });
    expect(await far.send(['HGET', key, 'body'])).toBe('changed');
    expect(await exportTo({ ...request, overwrite: true })).toMatchObject({ existing: 0 });
    expect(await far.send(['HGET', key, 'body'])).not.toBe('changed');
    expect(await far.send(['HSTRLEN', key, 'vec'])).toBe(256);
    expect(await allKeys(lore.databases.knowledge, 'out:*')).toEqual([]);
  });

  it.each(['fact:', 'session:', 'llama_index/vector_store/docs/', 'stacklore:x:', 'queue:'])(
    'is refused under %s, where keys would be records of our own',
    async (prefix) => {
      await expect(exportTo({ layout: 'redisvl', prefix })).rejects.toMatchObject({
        code: 'invalid_input',
        message: expect.stringContaining('Use another prefix'),
      });
    },
  );
});

describe('an export refuses', () => {
  it('a collection that there is not', async () => {
    await expect(exportTo({ collection: 'none', file: join(folder, 'x') })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it.each([
    [{}, /name the file to write/],
    [{ file: 'x', prefix: 'y' }, /prefix does not go with the layout jsonl/],
    [{ layout: 'langchain' as const }, /what the keys begin with/],
    [{ layout: 'langchain' as const, prefix: 'a', file: 'x' }, /file does not go with/],
    [{ layout: 'csv' as never, file: 'x' }, /must be jsonl/],
    [{ file: 'x', embeddings: 'hex' as never }, /must be none, base64 or numbers/],
  ])('the request %j', async (request, message) => {
    await expect(exportTo(request)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringMatching(message),
    });
  });
});
