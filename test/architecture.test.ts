import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

/** Where a file may reach: rooms and single files of other rooms, and the npm packages that have their home here. */
interface Room {
  readonly mayImport: readonly string[];
  readonly packages?: readonly string[];
}

const PARSERS = ['@mozilla/readability', 'cheerio', 'file-type', 'linkedom', 'mammoth'];
const MARKDOWN = [
  'mdast',
  'mdast-util-from-markdown',
  'mdast-util-gfm',
  'micromark-extension-gfm',
  'unpdf',
  'yaml',
];
/** What the façade may import: every room above it in the table. */
const BELOW_THE_FACADE = [
  ...[
    'schema',
    'config',
    'text',
    'provision',
    'redis',
    'embed',
    'stores',
    'stores/prompts',
    'ingest',
    'ingest/parse',
    'search',
  ],
  ...['evaluation', 'recorder', 'maintenance'],
];
/** The requests, reports and stored values that an edge fills in or shows. */
const REQUESTS = [
  'evaluation/evaluate.ts',
  'evaluation/index-recall.ts',
  'evaluation/judge.ts',
  'evaluation/metrics.ts',
  'evaluation/request.ts',
  'ingest/collection-settings.ts',
  'ingest/ingest.ts',
  'ingest/request.ts',
  'ingest/source.ts',
  'ingest/tally.ts',
  'maintenance/prompt-files.ts',
  'maintenance/prompt-kinds.ts',
  'maintenance/verify-citation.ts',
  'search/cached-search.ts',
  'search/chat-request.ts',
  'search/context.ts',
  'search/explain.ts',
  'search/fact-request.ts',
  'search/filter.ts',
  'search/map.ts',
  'search/request.ts',
  'search/search.ts',
  'stores/knowledge/collections.ts',
  'stores/knowledge/document.ts',
  'stores/knowledge/fact.ts',
  'stores/main/api-keys.ts',
  'stores/main/conversations.ts',
  'stores/main/delivery.ts',
  'stores/main/ingest-jobs.ts',
  'stores/main/ingest-queues.ts',
  'stores/main/new-task.ts',
  'stores/main/queue-worker.ts',
  'stores/main/queues.ts',
  'stores/main/rate-limits.ts',
  'stores/main/sessions.ts',
  'text/analyser.ts',
];

/** Arrows point down. A room is a folder or a file of src; the longest path that fits a file is its room. */
const ROOMS: Readonly<Record<string, Room>> = {
  errors: { mayImport: [] },
  version: { mayImport: [] },
  schema: { mayImport: [], packages: ['zod'] },
  config: { mayImport: ['schema'], packages: ['zod'] },
  text: { mayImport: [], packages: ['@huggingface/tokenizers', '@orama/stopwords', 'snowball-stemmers'] },
  provision: { mayImport: ['config'] },
  redis: { mayImport: ['config', 'schema', 'provision'], packages: ['redis', '@redis/client'] },
  embed: {
    mayImport: ['config', 'provision', 'text', 'schema'],
    packages: ['@huggingface/transformers', 'onnxruntime-node'],
  },
  stores: { mayImport: ['schema', 'redis', 'text'] },
  'stores/prompts': { mayImport: ['stores', 'schema', 'redis'], packages: ['@huggingface/jinja'] },
  ingest: {
    mayImport: ['schema', 'stores', 'embed', 'text', 'recorder'],
    packages: ['zod', 'chokidar', 'ignore', 'ipaddr.js', 'tinyglobby'],
  },
  'ingest/parse': { mayImport: ['ingest', 'schema', 'text'], packages: [...PARSERS, ...MARKDOWN] },
  search: { mayImport: ['schema', 'stores', 'embed', 'text', 'recorder'], packages: ['zod'] },
  evaluation: { mayImport: ['search', 'schema', 'stores', 'embed', 'text', 'recorder'], packages: ['zod'] },
  recorder: { mayImport: ['stores'] },
  maintenance: {
    mayImport: [
      'schema',
      'config',
      'redis',
      'stores',
      'stores/prompts',
      'embed',
      'ingest',
      'provision/make-folder.mjs',
    ],
    packages: ['yaml', 'zod'],
  },
  stacklore: { mayImport: BELOW_THE_FACADE },
  index: { mayImport: [...BELOW_THE_FACADE, 'stacklore', 'jobs'] },
  llamaindex: {
    mayImport: ['stacklore', 'schema', 'config', ...REQUESTS],
    packages: ['@llamaindex/core', 'zod'],
  },
  jobs: { mayImport: ['stacklore', 'schema', 'config', ...REQUESTS] },
  mcp: {
    mayImport: ['stacklore', 'schema', 'config', 'stores/knowledge/document-text.ts', ...REQUESTS],
    packages: ['@modelcontextprotocol/sdk', 'zod'],
  },
  http: {
    mayImport: ['stacklore', 'schema', 'config', 'version', 'jobs', 'mcp', ...REQUESTS],
    packages: [
      '@fastify/cors',
      '@fastify/helmet',
      '@fastify/multipart',
      'fastify',
      'pino',
      'prom-client',
      'zod',
    ],
  },
  cli: {
    mayImport: [
      ...[
        'http',
        'jobs',
        'mcp',
        'version',
        'stacklore',
        'schema',
        'config',
        'provision',
        'redis/embedded.ts',
      ],
      ...['redis/embedded-status.ts', 'redis/private-redis.ts'],
      ...[
        'maintenance/backup/backup.ts',
        'maintenance/backup/restore.ts',
        'maintenance/migrate/export-collection.ts',
        'maintenance/migrate/import-rows.ts',
        'maintenance/migrate/migrate.ts',
        'maintenance/migrate/move-knowledge.ts',
        'maintenance/reindex/plan.ts',
        'maintenance/reindex/report.ts',
        'maintenance/reindex/request.ts',
        'maintenance/cleanup.ts',
        'maintenance/keys.ts',
      ],
      ...['maintenance/status.ts', 'ingest/watch.ts', ...REQUESTS],
    ],
    packages: ['commander', 'cli-progress', 'zod'],
  },
};

const SHAPELESS_FOLDERS = ['utils', 'helpers', 'common', 'types', 'services', 'managers'];
const BARRELS = ['index.ts', 'llamaindex/index.ts'];

const SOURCE_ROOT = resolve(import.meta.dirname, '../src');
const FILES = listFiles(SOURCE_ROOT).filter(
  (file) => /\.(ts|mjs|js)$/.test(file) && !file.startsWith('web/'),
);
const MODULES = new Map(FILES.map((file) => [file, readModule(file)]));

describe('the tree under src', () => {
  test('has every file in a room of the table', () => {
    expect(FILES.filter((file) => roomOf(file) === undefined)).toEqual([]);
  });

  test('has no folder that answers no question of its own', () => {
    expect(
      FILES.filter((file) =>
        dirname(file)
          .split('/')
          .some((part) => SHAPELESS_FOLDERS.includes(part)),
      ),
    ).toEqual([]);
  });

  test('has barrels only where the package has an entry', () => {
    expect(FILES.filter((file) => /^index\.[a-z]+$/.test(basename(file)) && !BARRELS.includes(file))).toEqual(
      [],
    );
  });

  test('exports by name only', () => {
    // What a declaration says of another package is not ours to name.
    const own = FILES.filter((file) => !file.endsWith('.d.ts'));
    expect(own.filter((file) => MODULES.get(file)?.hasDefaultExport)).toEqual([]);
  });
});

describe('imports', () => {
  test('name files that exist', () => {
    const missing = imports().filter(({ to }) => to !== undefined && !MODULES.has(to));
    expect(missing.map(({ from, specifier }) => `${from} imports ${specifier}`)).toEqual([]);
  });

  test('go down the table only', () => {
    const forbidden = imports().filter(({ from, to }) => to !== undefined && !mayImport(from, to));
    expect(forbidden.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  test('take each npm package in its home only', () => {
    const strangers = imports().filter(({ from, specifier, to }) => {
      return (
        to === undefined && !isBuiltin(specifier) && !roomNamed(from).packages?.includes(packageOf(specifier))
      );
    });
    expect(strangers.map(({ from, specifier }) => `${from} imports ${specifier}`)).toEqual([]);
  });

  test('form no cycle between files', () => {
    expect(findCycles()).toEqual([]);
  });
});

describe('the reader of imports', () => {
  const read = (text: string) => parseModule('a.ts', text).specifiers;

  test('sees static, type, re-exporting, dynamic and worker imports', () => {
    expect(read(`import a from './a.ts';`)).toEqual(['./a.ts']);
    expect(read(`import type { B } from './b.ts';`)).toEqual(['./b.ts']);
    expect(read(`export { c } from './c.ts';`)).toEqual(['./c.ts']);
    expect(read(`const d = await import('./d.ts');`)).toEqual(['./d.ts']);
    expect(read(`const d = require('d') as typeof import('d');`)).toEqual(['d']);
    expect(read(`const d = require(\`@d/d/\${name}\`);`)).toEqual(['@d/d/']);
    expect(read(`let e: import('./e.ts').E;`)).toEqual(['./e.ts']);
    expect(read(`new Worker(new URL('./f.mjs', import.meta.url));`)).toEqual(['./f.mjs']);
    expect(read(`/** @type {import('./g.ts').G} */ let g;`)).toEqual(['./g.ts']);
  });

  test('sees default exports of either form', () => {
    expect(parseModule('a.ts', 'export default 1;').hasDefaultExport).toBe(true);
    expect(parseModule('a.ts', 'export default function a() {}').hasDefaultExport).toBe(true);
    expect(parseModule('a.ts', 'const a = 1; export { a as default };').hasDefaultExport).toBe(true);
    expect(parseModule('a.ts', 'export const a = 1;').hasDefaultExport).toBe(false);
  });

  test('gives the longest room that fits', () => {
    expect(roomOf('ingest/parse/pdf.ts')).toBe('ingest/parse');
    expect(roomOf('ingest/ingest.ts')).toBe('ingest');
    expect(roomOf('config.ts')).toBe('config');
    expect(roomOf('unknown/file.ts')).toBeUndefined();
  });
});

interface SourceModule {
  readonly specifiers: readonly string[];
  readonly hasDefaultExport: boolean;
}

interface Import {
  readonly from: string;
  readonly specifier: string;
  /** The imported file below src; `undefined` for packages. */
  readonly to: string | undefined;
}

function imports(): Import[] {
  return FILES.flatMap((from) => {
    return (MODULES.get(from)?.specifiers ?? []).map((specifier) => {
      return { from, specifier, to: specifier.startsWith('.') ? join(dirname(from), specifier) : undefined };
    });
  });
}

function mayImport(from: string, to: string): boolean {
  const [own, other] = [roomOf(from), roomOf(to)];
  if (own === undefined || other === undefined) return false;
  if (own === other || other === 'errors') return true;
  // A folder inside a room belongs to it: the room may use it.
  return (
    other.startsWith(`${own}/`) ||
    roomNamed(from).mayImport.some((allowed) => allowed === other || allowed === to)
  );
}

function roomNamed(file: string): Room {
  return ROOMS[roomOf(file) ?? ''] ?? { mayImport: [] };
}

function roomOf(file: string): string | undefined {
  const path = file.replace(/\.[a-z]+$/, '');
  const fitting = Object.keys(ROOMS).filter((room) => path === room || path.startsWith(`${room}/`));
  return fitting.sort((a, b) => b.length - a.length)[0];
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}

/** Every cycle as a path of files, found depth first; each is reported once. */
function findCycles(): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports()) if (to !== undefined) next.set(from, [...(next.get(from) ?? []), to]);
  const cycles: string[] = [];
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file);
    if (at !== -1) cycles.push([...path.slice(at), file].join(' -> '));
    if (at !== -1 || finished.has(file)) return;
    for (const to of next.get(file) ?? []) visit(to, [...path, file]);
    finished.add(file);
  };
  for (const file of FILES) visit(file, []);
  return cycles;
}

function listFiles(root: string): string[] {
  const entries = readdirSync(root, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

function readModule(file: string): SourceModule {
  return parseModule(file, readFileSync(join(SOURCE_ROOT, file), 'utf8'));
}

function parseModule(file: string, text: string): SourceModule {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  // JSDoc types are comments to the parser of a TypeScript file, so they are read as text.
  const specifiers = new Set(
    [...text.matchAll(/\{[^{}]*?import\('([^']+)'\)/g)].map(([, name]) => name ?? ''),
  );
  let hasDefaultExport = false;
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier && (ts.isStringLiteralLike(specifier) || ts.isTemplateHead(specifier)))
      specifiers.add(specifier.text);
    hasDefaultExport ||= isDefaultExport(node);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { specifiers: [...specifiers], hasDefaultExport };
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node)) {
    return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
  }
  if (ts.isCallExpression(node) && isLoading(node.expression)) return loadedModule(node.arguments[0]);
  return ts.isNewExpression(node) ? moduleOfUrl(node) : undefined;
}

/** `import(…)`, or `require(…)` as `createRequire` makes it. */
function isLoading(called: ts.Expression): boolean {
  return called.kind === ts.SyntaxKind.ImportKeyword || called.getText() === 'require';
}

/** The name that is loaded, or the beginning of one that is put together, which tells the package. */
function loadedModule(name: ts.Node | undefined): ts.Node | undefined {
  return name && ts.isTemplateExpression(name) ? name.head : name;
}

/** What a worker thread or a child process runs: `new URL('./worker.mjs', import.meta.url)`. */
function moduleOfUrl(node: ts.NewExpression): ts.Node | undefined {
  const [path, base] = node.arguments ?? [];
  const isModule = path !== undefined && ts.isStringLiteralLike(path) && /\.[cm]?[jt]s$/.test(path.text);
  return isModule && node.expression.getText() === 'URL' && base?.getText() === 'import.meta.url'
    ? path
    : undefined;
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === 'default';
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node) ?? []).some((one) => one.kind === ts.SyntaxKind.DefaultKeyword)
  );
}
