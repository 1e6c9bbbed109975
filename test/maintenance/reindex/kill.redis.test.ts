import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { FakeEmbedder } from '../../support/fake-embedder.ts';
import { seededRandom } from '../../support/kill-ingest.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';
import { runTypeScript } from '../../support/run-typescript.ts';

const redis = usePrivateRedis();
const PROGRAM = new URL('../programs/reindex-forever.ts', import.meta.url);
const SUBJECTS = Array.from({ length: 40 }, (_, n) => `subject${n}`);

it('leaves an index that finds everything by the model of its manifest, killed at any moment', {
  timeout: 120_000,
}, async () => {
  const open = (dimensions: number) =>
    openTestLore(
      redis,
      {},
      {
        embedder: new FakeEmbedder({ dimensions, model: { name: `fake/${dimensions}` } }),
      },
    );
  const lores = { 64: open(64), 96: open(96) };
  const home = await mkdtemp(join(tmpdir(), 'stacklore-reindex-'));
  const random = seededRandom(20_260_102);
  const { knowledge } = lores[64].databases;
  const check = async () => {
    const { manifest } = await lores[64].collections.get('killed');
    const lore = lores[manifest.dimensions as 64 | 96];
    await lore.collections.get('killed');
    for (const subject of SUBJECTS) {
      for (const mode of ['vector', 'text'] as const) {
        const { hits, warnings } = await lore.search({ query: subject, collection: 'killed', mode });
        expect([hits[0]?.docId, warnings]).toEqual([subject, []]);
      }
    }
    const keys = await allKeys(knowledge, 'llama_index/vector_store/killed/*');
    const lengths = await knowledge.pipeline<number>(keys.map((key) => ['HSTRLEN', key, 'embedding']));
    for (const length of lengths) expect([256, 384]).toContain(length);
    return JSON.stringify([manifest.dimensions, manifest.next]);
  };
  try {
    for (const subject of SUBJECTS) {
      await lores[64].ingestTexts([{ text: subject, source: subject, docId: subject, title: subject }], {
        collection: 'killed',
      });
    }
    const seen = new Set([await check()]);
    for (let kill = 0; kill < 4; kill += 1) {
      const program = runTypeScript(PROGRAM, [redis.url, 'killed', home]);
      await program.printed('started');
      await sleep(random() * 2_000);
      program.process.kill('SIGKILL');
      if (program.process.exitCode === null && program.process.signalCode === null) {
        await once(program.process, 'exit');
      }
      expect(program.process.signalCode, program.output()).toBe('SIGKILL');
      // What takes its time to end by itself.
      await knowledge.send(['UNLINK', 'stacklore:reindex-lock:killed']);
      seen.add(await check());
    }
    expect(seen.size).toBeGreaterThan(1);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
