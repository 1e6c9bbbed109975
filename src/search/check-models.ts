import type { QueryEmbedder } from '../embed/embedder.ts';
import { StackloreError } from '../errors.ts';
import type { Collection } from '../stores/knowledge/collections.ts';

type Described = Pick<Collection, 'name' | 'manifest'>;

/**
 * Throws `manifest_mismatch` unless a query embedded by this model can be compared with the collection's vectors.
 * Gives warnings where the answer may be slightly worse.
 */
export function checkModel(
  { name, manifest }: Described,
  { model, dimensions }: Pick<QueryEmbedder, 'model' | 'dimensions'>,
): string[] {
  const stored = requireModel({ name, manifest });
  const differences = describeDifferences([
    ['model', stored.name, model.name],
    ['tokenizer', stored.tokenizerSha256, model.tokenizerSha256],
    ['pooling', stored.pooling, model.pooling],
    ['dimensions', manifest.dimensions, dimensions],
    ['query prefix', stored.queryPrefix, model.queryPrefix],
  ]);
  if (differences !== '') {
    throw mismatch(
      `The configured model does not fit collection "${name}" (collection / configured: ${differences}). ` +
        `Configure ${stored.name} as that collection has it, or give it the configured one: stacklore reindex ${name} --reembed.`,
    );
  }
  if (stored.weightsSha256 === model.weightsSha256) return [];
  return [
    `Collection "${name}" was embedded with another quantisation of ${stored.name}: scores may differ slightly.`,
  ];
}

/** The model of a collection. Throws `manifest_mismatch` when its vectors came from the caller. */
export function requireModel({ name, manifest }: Described): NonNullable<Collection['manifest']['model']> {
  if (manifest.model) return manifest.model;
  const indexed = manifest.analyser ? '' : `, after stacklore collections index-words ${name}`;
  throw mismatch(
    `Collection "${name}" has no model, its vectors were given by the caller. Give a vector beside the text or instead of it, or search by words alone: mode "text"${indexed}.`,
  );
}

/**
 * Throws `manifest_mismatch` unless the distances of all these collections can be put in one order.
 * Gives warnings where they may be slightly off.
 */
export function checkComparable([first, ...others]: readonly Described[]): string[] {
  if (!first) return [];
  return others.flatMap((other) => {
    const { manifest: a } = first;
    const { manifest: b } = other;
    const differences = describeDifferences([
      ['model', a.model?.name ?? 'none', b.model?.name ?? 'none'],
      ['tokenizer', a.model?.tokenizerSha256, b.model?.tokenizerSha256],
      ['pooling', a.model?.pooling, b.model?.pooling],
      ['dimensions', a.dimensions, b.dimensions],
    ]);
    if (differences !== '') {
      throw mismatch(
        `Collections "${first.name}" and "${other.name}" cannot be searched together (${differences}). Search them one by one.`,
      );
    }
    if (a.model?.weightsSha256 === b.model?.weightsSha256) return [];
    return [
      `Collections "${first.name}" and "${other.name}" were embedded with different quantisations: their order may be slightly off.`,
    ];
  });
}

type Difference = readonly [
  what: string,
  ours: string | number | undefined,
  theirs: string | number | undefined,
];

function describeDifferences(candidates: readonly Difference[]): string {
  return candidates
    .filter(([, ours, theirs]) => ours !== theirs)
    .map(([what, ours, theirs]) => `${what} ${describe(ours)} / ${describe(theirs)}`)
    .join(', ');
}

/** Hashes are told apart by their beginning; an empty prefix must be visible. */
function describe(value: string | number | undefined): string {
  if (value === undefined) return 'none';
  if (typeof value === 'number') return String(value);
  if (/^[0-9a-f]{64}$/.test(value)) return value.slice(0, 8);
  return value === '' || value.includes(' ') ? JSON.stringify(value) : value;
}

function mismatch(message: string): StackloreError {
  return new StackloreError('manifest_mismatch', { message });
}
