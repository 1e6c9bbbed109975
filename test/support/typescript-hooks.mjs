/**
 * Lets plain `node --import` run the TypeScript sources, for tests that need a process of their own. What was
 * translated is kept by its content, so that the compiler is loaded for new text only.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

const CACHE = new URL('../../node_modules/.cache/stacklore-tests/', import.meta.url);

if (isMainThread) register(import.meta.url);

/** The package by its own name, as programs import it: its sources, whether or not they are compiled. */
const OWN = new Map([
  ['stacklore', new URL('../../src/index.ts', import.meta.url).href],
  ['stacklore/llamaindex', new URL('../../src/llamaindex/index.ts', import.meta.url).href],
]);

/** @type {import('node:module').ResolveHook} */
export async function resolve(specifier, context, nextResolve) {
  return nextResolve(OWN.get(specifier) ?? specifier, context);
}

/** @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const source = await readFile(fileURLToPath(url), 'utf8');
  const kept = new URL(`${createHash('sha256').update(source).digest('hex')}.mjs`, CACHE);
  const text = await readFile(kept, 'utf8').catch(() => translate(source, kept));
  return { format: 'module', source: text, shortCircuit: true };
}

/**
 * @param {string} source
 * @param {URL} kept
 */
async function translate(source, kept) {
  const { default: typescript } = await import('typescript');
  const { outputText } = typescript.transpileModule(source, {
    compilerOptions: {
      target: typescript.ScriptTarget.ES2023,
      module: typescript.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  try {
    await mkdir(CACHE, { recursive: true });
    const temporary = new URL(`${kept.href}.${process.pid}`);
    await writeFile(temporary, outputText);
    await rename(temporary, kept);
  } catch {
    // Not this user's folder: then each program translates for itself.
  }
  return outputText;
}
