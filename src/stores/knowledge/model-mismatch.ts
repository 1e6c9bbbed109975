import type { Manifest } from '../../schema/knowledge.ts';

type Model = NonNullable<Manifest['model']>;

/** What is different about the configured model and the one that vectors were made with, and how to get that one back. */
export function describeModels(made: Model, configured: Model): { differences: string; remedy: string } {
  const names = (Object.keys(made) as (keyof Model)[]).filter((name) => made[name] !== configured[name]);
  const differences = names.map((name) => {
    return `${WORDS[name] ?? name} ${describe(made[name])}, configured ${describe(configured[name])}`;
  });
  // The same model, fetched from another place or quantised otherwise.
  const hasOtherFiles = made.name === configured.name && names.some((name) => name.endsWith('Sha256'));
  const remedy = hasOtherFiles
    ? 'Set STACKLORE_MODEL_DIR (--model-dir) to a folder with the same files, which the data home of before keeps in provision/models'
    : `Configure ${made.name} as it was`;
  return { differences: differences.join('; '), remedy };
}

const WORDS: Readonly<Record<string, string>> = {
  name: 'model',
  weightsSha256: 'weights',
  tokenizerSha256: 'tokenizer',
};

/** Hashes are told apart by their beginning; an empty prefix must be visible. */
function describe(value: unknown): string {
  const text = String(value);
  if (/^[0-9a-f]{64}$/.test(text)) return `${text.slice(0, 8)}…`;
  return text === '' || text.includes(' ') ? JSON.stringify(text) : text;
}
