import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { type LocalEmbedder, openLocalEmbedder } from '../../src/embed/local-embedder.ts';
import { type ModelFiles, provisionModel } from '../../src/provision/model-files.ts';
import { silentReport } from '../../src/provision/report.ts';
import { dot, embedderContract } from '../contracts/embedder.ts';
import { modelConfig } from '../support/provisioned.ts';
import { runTypeScript } from '../support/run-typescript.ts';

const texts = [
  'How do sessions expire?',
  'A session expires when its time to live has passed; Redis then deletes the key.',
  'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.',
  'const answer = await lore.search({ query, topK: 5 });',
  '東京は日本の首都です。',
  `${'The vector index keeps one graph for each collection. '.repeat(20)}`,
];

let home: string;
const open: LocalEmbedder[] = [];
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'stacklore-embedder-'));
});
afterEach(() => Promise.all(open.splice(0).map((embedder) => embedder.close())));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function openEmbedder(model: ConfigInput['model'] = {}, workers = 2): Promise<LocalEmbedder> {
  const settings = {
    home: join(tmpdir(), 'stacklore-none'),
    model: { ...modelConfig(), ...model },
    embeddingWorkers: workers,
  };
  return openLocalEmbedder(loadConfig({ settings, env: {} }));
}

/** An embedder that is closed after the test. */
async function embedderWith(model: ConfigInput['model'] = {}, workers = 2): Promise<LocalEmbedder> {
  const embedder = await openEmbedder(model, workers);
  open.push(embedder);
  return embedder;
}

function checkedFiles(): Promise<ModelFiles> {
  const settings = { home: join(tmpdir(), 'stacklore-none'), model: modelConfig() };
  return provisionModel(loadConfig({ settings, env: {} }), silentReport);
}

embedderContract('the model on ONNX Runtime', () => openEmbedder({ runtime: 'onnxruntime' }));
embedderContract('the model on transformers.js', () => openEmbedder({ runtime: 'transformers' }, 1));

describe('LocalEmbedder', () => {
  it('gives the same bytes with one thread as with three', async () => {
    const one = await embedderWith({}, 1);
    const three = await embedderWith({}, 3);
    expect(await three.embedTexts(texts)).toEqual(await one.embedTexts(texts));
  });

  it('gives equal vectors on both runtimes', async () => {
    const direct = await (await embedderWith({ runtime: 'onnxruntime' })).embedTexts(texts);
    const general = await (await embedderWith({ runtime: 'transformers' })).embedTexts(texts);
    for (const [i, vector] of direct.entries()) expect(dot(vector, general[i])).toBeGreaterThan(0.99999);
  });

  it.each(['mean', 'cls'] as const)(
    'gives the vectors of the transformers.js pipeline with %s pooling',
    async (pooling) => {
      const { dir } = await checkedFiles();
      env.allowRemoteModels = false;
      const extract = await pipeline('feature-extraction', dir, { dtype: 'q8', local_files_only: true });
      const vectors = await (await embedderWith({ pooling })).embedTexts(texts);
      for (const [i, text] of texts.entries()) {
        const expected = await extract(text, { pooling, normalize: true });
        expect(dot(vectors[i], Float32Array.from(expected.data as Float32Array))).toBeGreaterThan(0.99999);
      }
      await extract.dispose();
    },
  );

  it('puts the prefixes of the model before queries and texts', async () => {
    const plain = await embedderWith();
    const prefixed = await embedderWith({ queryPrefix: 'query: ', documentPrefix: 'passage: ' });
    expect(await prefixed.embedQuery('one')).toEqual(await plain.embedQuery('query: one'));
    expect(await prefixed.embedTexts(['one'])).toEqual(await plain.embedTexts(['passage: one']));
  });

  it('counts tokens and names its model before any weights are loaded', async () => {
    const files = { ...(await checkedFiles()), weightsPath: join(home, 'absent.onnx') };
    const embedder = await openLocalEmbedder(loadConfig({ settings: { home }, env: {} }), { files });
    open.push(embedder);
    expect(embedder.countTokens('How do sessions expire?')).toBe(6);
    expect(embedder.model).toMatchObject({
      name: 'Xenova/all-MiniLM-L6-v2',
      pooling: 'mean',
      maxTokens: 256,
    });
    await expect(embedder.embedQuery('sessions')).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringContaining('could not be loaded'),
    });
  });

  it('reads the last token its limit allows and refuses one more', async () => {
    const embedder = await embedderWith({ maxTokens: 12 });
    expect(await embedder.embedTexts(['word '.repeat(10)])).toHaveLength(1);
    await expect(embedder.embedTexts(['word '.repeat(11)])).rejects.toMatchObject({
      code: 'too_large',
      message: expect.stringContaining('13 tokens'),
    });
  });

  it('says which dimensions to configure when the model gives others', async () => {
    const embedder = await embedderWith({ dimensions: 768 });
    await expect(embedder.embedQuery('one')).rejects.toMatchObject({
      code: 'dimension_mismatch',
      message: expect.stringMatching(/384 dimensions, 768 are configured/),
    });
  });

  it('refuses weights that are no model', async () => {
    const files = await checkedFiles();
    const dir = join(home, 'broken');
    mkdirSync(join(dir, 'onnx'), { recursive: true });
    writeFileSync(join(dir, 'onnx', 'model_quantized.onnx'), 'no model');
    symlinkSync(files.tokenizerPath, join(dir, 'tokenizer.json'));
    const broken = { ...files, dir, weightsPath: join(dir, 'onnx', 'model_quantized.onnx') };
    const embedder = await openLocalEmbedder(loadConfig({ settings: { home }, env: {} }), { files: broken });
    open.push(embedder);
    await expect(embedder.embedTexts(texts)).rejects.toMatchObject({ code: 'model_unavailable' });
    await expect(embedder.embedQuery('again')).rejects.toMatchObject({ code: 'model_unavailable' });
  });

  it('answers a query while many texts are embedded', async () => {
    const embedder = await embedderWith();
    let isDone = false;
    const many = embedder
      .embedTexts(Array.from({ length: 300 }, (_, n) => `Text number ${n} of many.`))
      .then(() => {
        isDone = true;
      });
    await embedder.embedQuery('How are you?');
    expect(isDone).toBe(false);
    await many;
  });

  it('rejects what is under way when it is closed', async () => {
    const embedder = await embedderWith();
    const pending = embedder.embedTexts(Array.from({ length: 100 }, (_, n) => `Text ${n}`));
    const failed = expect(pending).rejects.toMatchObject({ code: 'embedding_failed' });
    await embedder.embedQuery('ready');
    await embedder.close();
    await failed;
  });

  it.each([
    ['ends by itself when nothing is left to embed', 'idle', 0],
    ['ends at once when told to while it embeds', 'exit', 3],
    ['ends at once when told to while the model is loading', 'exit-early', 3],
    ['ends with its own error while it embeds', 'throw', 1],
  ])('leaves a process that %s', async (_, how, code) => {
    const program = runTypeScript(new URL('../support/embed-and-leave.ts', import.meta.url), [
      modelConfig().dir,
      how,
    ]);
    expect(await program.ended).toBe(code);
  });
});
