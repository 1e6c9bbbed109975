import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ENVIRONMENT } from '../src/config/sources.ts';
import { configSchema, loadConfig } from '../src/config.ts';
import { compileFilter } from '../src/search/filter.ts';
import { readSnippets } from './support/readme.ts';

const ROOT = resolve(import.meta.dirname, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

describe('the README', () => {
  test('lists every environment variable with its setting, and no other', () => {
    const rows = [...README.matchAll(/^\| `([A-Z_]+)` \| `([\w.]+)` \| /gm)].map(([, name, setting]) => [
      name,
      setting,
    ]);
    expect(Object.fromEntries(rows)).toEqual(ENVIRONMENT);
  });

  test('states the defaults that the configuration has', () => {
    const { model, ...config } = loadConfig({ env: {}, settings: { home: '/home' } });
    const stated = (variable: string) =>
      new RegExp(`^\\| \`${variable}\` \\|[^|]*\\| \`?([^\`;,: |]+)`, 'm').exec(README)?.[1];
    expect(stated('STACKLORE_CONNECT_TIMEOUT_MS')).toBe(String(config.connectTimeoutMs));
    expect(stated('STACKLORE_COMMAND_TIMEOUT_MS')).toBe(String(config.commandTimeoutMs));
    expect(stated('STACKLORE_SEARCH_TIMEOUT_MS')).toBe(String(config.searchTimeoutMs));
    expect(stated('STACKLORE_IDLE_STOP')).toBe(String(config.embedded.idleStopSeconds));
    expect(stated('STACKLORE_MODEL')).toBe(model.name);
    expect(stated('STACKLORE_MODEL_WEIGHTS')).toBe(model.weights);
    expect(stated('STACKLORE_MODEL_DIMENSIONS')).toBe(String(model.dimensions));
    expect(stated('STACKLORE_MODEL_MAX_TOKENS')).toBe(String(model.maxTokens));
    expect(stated('STACKLORE_MODEL_POOLING')).toBe(model.pooling);
    expect(stated('STACKLORE_MODEL_RUNTIME')).toBe(model.runtime);
  });

  test('names settings that exist', () => {
    const top = Object.keys(configSchema.shape);
    expect(
      Object.values(ENVIRONMENT).filter((setting) => !top.includes(setting.split('.')[0] ?? '')),
    ).toEqual([]);
  });

  test('shows filters that the filter language takes', () => {
    const section = README.slice(README.indexOf('## Filters'), README.indexOf('## Configuration'));
    const filters = [...section.matchAll(/`(\{.+?\})`/g)].map(
      ([, filter]) => JSON.parse(filter ?? '') as unknown,
    );
    expect(filters.length).toBeGreaterThan(5);
    const fields = [
      { name: 'lang', type: 'tag' as const },
      { name: 'year', type: 'number' as const },
    ];
    for (const filter of filters) expect(() => compileFilter(filter, fields)).not.toThrow();
  });

  test('says of each snippet that is not run why it is not', () => {
    const silent = readSnippets(README).filter(
      ({ language, reason }) => reason === undefined && !['sh', 'js'].includes(language),
    );
    expect(silent).toEqual([]);
  });
});

describe('the documents', () => {
  const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs/schema.md'];
  const decisions = readdirSync(join(ROOT, 'docs/adr')).map((name) => `docs/adr/${name}`);

  test.each([...documents, ...decisions])('%s links to files and headings that exist', (document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link ?? '')
      .filter((link) => !/^https?:/.test(link));
    const broken = links.filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : join(dirname(document), path);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(join(ROOT, target), 'utf8')).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('number the decisions without a gap', () => {
    const numbers = decisions.map((name) => Number(/(\d{4})-[a-z0-9-]+\.md$/.exec(name)?.[1]));
    expect(numbers.sort((a, b) => a - b)).toEqual(numbers.map((_, index) => index + 1));
  });

  test('have a section of ARCHITECTURE.md for each folder of src', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
    expect(folders.filter(({ name }) => !text.includes(`\n## ${name}/`)).map(({ name }) => name)).toEqual([]);
  });

  test('name files in ARCHITECTURE.md that exist', () => {
    const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
    const named = [...text.matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|mjs|md|json))`/g)].map(
      ([, path]) => path ?? '',
    );
    const missing = named.filter(
      (path) => !existsSync(join(ROOT, path)) && !existsSync(join(ROOT, 'src', path)),
    );
    expect(missing).toEqual([]);
  });
});

function anchorsOf(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading ?? '');
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
