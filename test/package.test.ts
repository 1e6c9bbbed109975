import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyPage } from '../scripts/copy-page.mjs';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '..');
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  files: string[];
};
const MINUTES = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'stacklore-package-'));
const consumer = join(folder, 'consumer');
const installed = join(consumer, 'node_modules/stacklore');
const tarball = join(folder, `stacklore-${MANIFEST.version}.tgz`);

beforeAll(async () => {
  await pack();
  mkdirSync(consumer);
  writeFileSync(
    join(consumer, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
  );
  const flags = [
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--omit=peer',
    '--omit=optional',
  ];
  await npm(['install', ...flags, tarball], consumer);
}, 5 * MINUTES);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the package, installed into an empty folder', () => {
  test('holds compiled code, its documents and nothing else', () => {
    const top = readdirSync(installed).filter((name) => name !== 'node_modules');
    expect(top.sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'docs',
      'fixtures',
      'package.json',
    ]);
    const files = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' });
    const foreign = files.filter((file) => /\.[a-z]+$/.test(file) && !/\.(js|mjs|d\.ts|d\.mts)$/.test(file));
    // The page is served as it is written.
    expect(foreign.filter((file) => !/^web\/[a-z]+\.(css|html|svg)$/.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['web/index.html', 'web/app.js', 'web/base.css']));
  });

  test('has a program that runs without TypeScript', async () => {
    const { stdout } = await run(join(consumer, 'node_modules/.bin/stacklore'), ['--help']);
    expect(stdout).toMatch(/^Usage: stacklore /);
    for (const command of ['ingest', 'search', 'context', 'collections', 'docs', 'status', 'up', 'down']) {
      expect(stdout).toContain(`  ${command} `);
    }
  });

  test('exports its API, and opening it starts nothing', async () => {
    const home = join(folder, 'home');
    const program = `
      import { openStacklore, loadConfig, StackloreError } from 'stacklore';
      const lore = openStacklore({ home: ${JSON.stringify(home)} }, { env: {} });
      await lore.close();
      const error = await lore.collections.get('!').catch((error) => error);
      console.log(typeof loadConfig, error instanceof StackloreError, error.code);
    `;
    expect(await runModule(program)).toBe('function true invalid_input\n');
    expect(existsSync(home)).toBe(false);
  });

  test('names the missing package where LlamaIndex is not installed, and works where it is', async () => {
    const program = `import { RedisVectorStore } from 'stacklore/llamaindex'; console.log(RedisVectorStore.name);`;
    await expect(runModule(program)).rejects.toThrow(/Cannot find package '@llamaindex\/core'/);

    symlinkSync(join(ROOT, 'node_modules/@llamaindex'), join(consumer, 'node_modules/@llamaindex'));
    expect(await runModule(program)).toBe('RedisVectorStore\n');
  });

  test('keeps what is not exported to itself', async () => {
    await expect(runModule(`import 'stacklore/dist/config.js';`)).rejects.toThrow(
      /ERR_PACKAGE_PATH_NOT_EXPORTED/,
    );
  });

  test(
    'has types that a strict program compiles against',
    async () => {
      writeFileSync(join(consumer, 'program.ts'), PROGRAM);
      writeFileSync(
        join(consumer, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: STRICT, files: ['program.ts'] }),
      );
      await expect(run(process.execPath, [COMPILER, '-p', consumer])).resolves.toMatchObject({ stdout: '' });
    },
    MINUTES,
  );

  test('has a manifest without complaints from publint', async () => {
    const { messages } = await publint({ pkgDir: installed, pack: false, strict: true });
    expect(messages).toEqual([]);
  });
});

const STRICT = {
  ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: true },
  ...{ module: 'nodenext', moduleResolution: 'nodenext', target: 'es2023', types: [], noEmit: true },
};

/** Uses the types as a reader of the README would; each expected error is one that the types must give. */
const PROGRAM = `
import { type Embedder, openStacklore, type SearchHit, type Session, StackloreError } from 'stacklore';

const lore = openStacklore({ home: '/tmp/anywhere', redisUrl: 'redis://localhost' });
const report = await lore.ingest({ sources: ['docs'], collection: 'docs' });
const created: number = report.counts.created;
const { hits } = await lore.search({ query: 'sessions', collection: 'docs', topK: 5, filter: { lang: 'en' } });
const titles: string[] = hits.map((hit: SearchHit) => hit.title);
declare const embedder: Embedder;
const vector: Float32Array = await embedder.embedQuery('sessions');
declare const session: Session;
const user: string = session.userId;
try {
  await lore.collections.get('docs');
} catch (error) {
  if (error instanceof StackloreError && error.code === 'not_found') console.log(created, titles, vector, user);
}
// @ts-expect-error: a misspelt setting
openStacklore({ hom: '/tmp/anywhere' });
// @ts-expect-error: a search without a number of hits as text
await lore.search({ query: 'sessions', topK: '5' });
// @ts-expect-error: a date, not text
const createdAt: string = session.createdAt;
`;

/** The package as npm would publish it, from the compiled sources. */
async function pack(): Promise<void> {
  const staged = join(folder, 'staged');
  for (const name of ['package.json', 'README.md', 'LICENSE', ...MANIFEST.files]) {
    if (name === 'dist' || name.startsWith('!')) continue;
    mkdirSync(dirname(join(staged, name)), { recursive: true });
    cpSync(join(ROOT, name), join(staged, name), { recursive: true });
  }
  const dist = join(staged, 'dist');
  if (isBuilt()) cpSync(join(ROOT, 'dist'), dist, { recursive: true });
  else {
    await run(process.execPath, [COMPILER, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', dist]);
    copyPage(ROOT, dist);
  }
  await npm(['pack', '--ignore-scripts', '--pack-destination', folder], staged);
}

/** Whether `dist` is younger than every source; `npm test` sees to that, a single test file run by hand may not. */
function isBuilt(): boolean {
  const main = join(ROOT, 'dist/cli/main.js');
  if (!existsSync(main)) return false;
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  return sources.every((file) => statSync(join(ROOT, 'src', file)).mtimeMs < statSync(main).mtimeMs);
}

/** The npm that runs these tests, else the one on PATH. */
async function npm(args: readonly string[], cwd: string): Promise<void> {
  const script = process.env.npm_execpath;
  const [command, ...first] = script?.endsWith('.js') ? [process.execPath, script] : ['npm'];
  await run(command ?? 'npm', [...first, ...args], {
    cwd,
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
}

async function runModule(program: string): Promise<string> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: consumer,
  });
  return stdout;
}
