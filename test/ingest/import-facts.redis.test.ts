import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let embedder: FakeEmbedder;

beforeAll(() => {
  embedder = new FakeEmbedder();
  lore = openTestLore(redis, {}, { embedder });
});

function fileOf(...lines: readonly (string | object)[]): string {
  const path = join(temporaryFolder(), 'facts.jsonl');
  writeFileSync(
    path,
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  );
  return path;
}

async function* piecesOf(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces;
}

describe('importing facts', () => {
  it('tells how far it is in lines and bytes', async () => {
    const told: object[] = [];
    const onProgress = (progress: object) => told.push(progress);
    const path = fileOf(...Array.from({ length: 40 }, (_, n) => ({ id: `told${n}`, content: `told ${n}` })));
    const size = statSync(path).size;
    await lore.importFacts(path, { onProgress });

    expect(told).toHaveLength(2);
    expect(told[1]).toEqual({ lines: 40, bytes: size, totalBytes: size });
    await lore.importFacts(piecesOf('{"id":"told0","content":"told 0"}\n'), { onProgress });
    expect(told[2]).toEqual({ lines: 1, bytes: 34 });
    for (let n = 0; n < 40; n += 1) await lore.facts.delete(`told${n}`);
  });

  it('stores what a line says, in either spelling, and the defaults for the rest', async () => {
    const path = fileOf(
      {
        id: 'a1',
        content: 'apples are red',
        category: 'fruit',
        confidence: 0.9,
        source: 's',
        verified: true,
      },
      { fact_id: 'a2', content: 'pears are green', created_at: '2025-01-15T10:30:00+02:00', category: null },
      { factId: 'a:3', content: 'plums are blue', createdAt: '2025-01-15' },
      { id: 4, content: 'limes are sour' },
    );
    const report = await lore.importFacts(path, { defaults: { confidence: 0.7 } });

    expect(report).toEqual({
      ...{ lines: 4, added: 4, updated: 0, unchanged: 0, failed: 0, duplicated: 0 },
      ...{ problems: [], duplicates: [], interrupted: false },
    });
    expect(await lore.facts.get('a1')).toMatchObject({
      category: 'fruit',
      confidence: 0.9,
      source: 's',
      verified: true,
    });
    expect(await lore.facts.get('a2')).toMatchObject({
      ...{ category: 'general', confidence: 0.7, source: path, verified: false },
      createdAt: new Date('2025-01-15T08:30:00Z'),
    });
    expect(await lore.facts.get('4')).toMatchObject({ content: 'limes are sour' });
    expect((await lore.searchFacts({ query: 'blue plums', topK: 1 })).hits).toMatchObject([
      { factId: 'a:3' },
    ]);
  });

  it('is the same when repeated: nothing is embedded or written again', async () => {
    const path = fileOf(
      { id: 'r1', content: 'repeated fact' },
      { id: 'r2', content: 'another repeated one' },
    );
    await lore.importFacts(path);
    const before = [await lore.facts.get('r1'), embedder.embedded.length];

    expect(await lore.importFacts(path)).toMatchObject({ added: 0, updated: 0, unchanged: 2 });
    expect([await lore.facts.get('r1'), embedder.embedded.length]).toEqual(before);
  });

  it('replaces what changed and keeps the time of creation', async () => {
    const { createdAt } = await lore.facts.get('r1');
    const report = await lore.importFacts(fileOf({ id: 'r1', content: 'repeated fact, changed' }));

    expect(report).toMatchObject({ updated: 1, unchanged: 0 });
    expect(await lore.facts.get('r1')).toMatchObject({ content: 'repeated fact, changed', createdAt });
  });

  it('lets the later of two lines with one id win', async () => {
    await lore.importFacts(fileOf({ id: 'w', content: 'first' }));
    const report = await lore.importFacts(
      fileOf({ id: 'w', content: 'second' }, { id: 'w', content: 'first' }),
    );

    expect(report).toMatchObject({ updated: 2, unchanged: 0 });
    expect((await lore.facts.get('w')).content).toBe('first');
  });

  it('goes on after bad lines and names each', async () => {
    const path = fileOf(
      ...['{"content":', '[]', { content: 'good one' }, { content: 'typo', confidnce: 1 }, { content: '' }],
      ...[{ content: 'word '.repeat(300) }, { content: 'c', confidence: 2 }, { id: '', content: 'c' }],
      ...[{ content: 'c', created_at: 'yesterday' }, 'x'.repeat(300_000), { content: 'good two' }],
    );
    const { problems, ...counts } = await lore.importFacts(path);

    expect(counts).toMatchObject({ lines: 11, added: 2, failed: 9 });
    expect(problems.map(({ line }) => line).sort((a, b) => a - b)).toEqual([1, 2, 4, 5, 6, 7, 8, 9, 10]);
    const messageOf = (line: number) => problems.find((problem) => problem.line === line)?.message;
    expect(messageOf(1)).toContain('not valid JSON');
    expect(messageOf(4)).toContain('"confidnce"');
    expect(messageOf(6)).toContain('302 tokens');
    expect(messageOf(9)).toContain('created_at');
  });

  it('reports duplicates by line, those within the file too, and imports them all the same', async () => {
    const path = fileOf({ id: 'd1', content: 'the mill grinds corn' }, '', {
      id: 'd2',
      content: 'the mill grinds corn',
    });

    expect(await lore.importFacts(path)).toMatchObject({
      ...{ lines: 2, added: 2, duplicated: 1 },
      duplicates: [{ line: 3, factId: 'd2', duplicates: [{ factId: 'd1', similarity: 1, exact: true }] }],
    });
  });

  it('replaces a stored fact that cannot be read, and reports a key of another type', async () => {
    const { knowledge } = lore.databases;
    await knowledge.send(['HSET', 'fact:broken', 'content', 'broken', 'confidence', 'high']);
    await knowledge.send(['SET', 'fact:string', 's']);
    const report = await lore.importFacts(
      fileOf({ id: 'broken', content: 'mended' }, { id: 'string', content: 'c' }),
    );

    expect(report).toMatchObject({ updated: 1, failed: 1, problems: [{ line: 2 }] });
    expect((await lore.facts.get('broken')).content).toBe('mended');
  });

  it('reads bytes piece by piece, many batches of them', async () => {
    async function* pieces() {
      for (let at = 0; at < 200; at += 1) yield `{"id":"many-${at}","content":"number ${at} of ${at * 7}"}\n`;
    }

    expect(await lore.importFacts(pieces(), { duplicateThreshold: 1 })).toMatchObject({
      lines: 200,
      added: 200,
    });
  });

  it('refuses a path that cannot be read, and ends when told to', async () => {
    const controller = new AbortController();
    controller.abort();

    await expect(lore.importFacts('/nowhere/facts.jsonl')).rejects.toMatchObject({
      code: 'source_unreadable',
    });
    const report = await lore.importFacts(fileOf({ content: 'never' }), { signal: controller.signal });
    expect(report).toMatchObject({ lines: 0, added: 0, interrupted: true });
  });

  it('stops when the model fails, since no further line could be embedded', async () => {
    const broken = openTestLore(
      redis,
      {},
      {
        embedder: new FakeEmbedder({
          onText: () => {
            throw new Error('out of memory');
          },
        }),
      },
    );

    await expect(broken.importFacts(fileOf({ content: 'c' }))).rejects.toThrow('out of memory');
  });
});
