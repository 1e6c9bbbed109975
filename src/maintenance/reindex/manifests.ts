import { canonicalJson } from '../../schema/canonical-json.ts';
import type { Manifest, NextField, Reindex, ReindexedSettings } from '../../schema/knowledge.ts';

/** The fields of chunks that these changes are written into. */
export function nextFieldsOf({ model, analyser, storedVectors }: ReindexedSettings): NextField[] {
  const isEmbeddingOther = model !== undefined || storedVectors === 'float32';
  return [
    ...(isEmbeddingOther ? (['embedding'] as const) : []),
    ...(analyser ? (['analysed'] as const) : []),
  ];
}

/**
 * The manifest from the switch until it is finished. Vectors of a new model are float32 until then, so that no third
 * form of them has to be kept; and `embedding` is as it was, so that there is something to roll back to.
 */
export function switchedManifest(
  manifest: Manifest,
  { storedVectors, ...changes }: ReindexedSettings,
): Manifest {
  const next = nextFieldsOf({ ...changes, storedVectors });
  const changed = { ...withoutNext(manifest), ...applied(changes) };
  return {
    ...changed,
    vectorType: next.includes('embedding') ? 'float32' : changed.vectorType,
    ...(next.length > 0 && { next }),
  };
}

/** The manifest once the fields are where the schema has them. */
export function finishedManifest(
  manifest: Manifest,
  { changes, before }: Pick<Reindex, 'changes' | 'before'>,
): Manifest {
  const vectorType = changes.vectorType ?? before?.vectorType ?? manifest.vectorType;
  const { storedVectors: present, ...others } = withoutNext(manifest);
  // New vectors of an index of float16 need no second form, whatever the ones before them had.
  const storedVectors = changes.storedVectors ?? (changes.model ? vectorType : present);
  return { ...others, vectorType, ...(storedVectors === 'float16' && { storedVectors }) };
}

/** The manifest as it was before the switch, with what was declared since. */
export function earlierManifest(manifest: Manifest, { before = {} }: Pick<Reindex, 'before'>): Manifest {
  const { analyser, ...rest } = withoutNext(manifest);
  const kept = before.analyser === null || analyser === undefined ? rest : { ...rest, analyser };
  return { ...kept, ...applied(before) };
}

/** What a switch replaces, so that it can be undone. */
export function settingsBefore(manifest: Manifest, changes: ReindexedSettings): ReindexedSettings {
  const { model, dimensions, analyser, index, vectorType } = manifest;
  return {
    ...(changes.model && model && { model, dimensions }),
    ...(changes.analyser && { analyser: analyser ?? null }),
    ...(changes.index && { index }),
    ...((changes.vectorType || changes.model || changes.storedVectors) && { vectorType }),
  };
}

/** Whether nothing changes but that the kind of the index is left to the size from now on: what serves is right for that too. */
export function keepsIndex({ index: present }: Manifest, { index, ...others }: ReindexedSettings): boolean {
  if (!index?.auto || present.auto || Object.keys(others).length > 0) return false;
  const { auto: _, ...settings } = index;
  return canonicalJson(settings) === canonicalJson(present);
}

/** The settings that are given, as a manifest has them. */
export function applied({ analyser, ...others }: ReindexedSettings): Partial<Manifest> {
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  return { ...given, ...(analyser && { analyser }) };
}

function withoutNext({ next: _, ...manifest }: Manifest): Manifest {
  return manifest;
}
