import type { Manifest, NextField, Reindex, ReindexedSettings } from '../../schema/knowledge.ts';

/** The fields of chunks that these changes are written into. */
export function nextFieldsOf({ model, analyser }: ReindexedSettings): NextField[] {
  return [...(model ? (['embedding'] as const) : []), ...(analyser ? (['analysed'] as const) : [])];
}

/**
 * The manifest from the switch until it is finished. Vectors of a new model are float32 until then, so that no third
 * form of them has to be kept.
 */
export function switchedManifest(manifest: Manifest, changes: ReindexedSettings): Manifest {
  const next = nextFieldsOf(changes);
  const changed = { ...withoutNext(manifest), ...applied(changes) };
  return {
    ...changed,
    vectorType: changes.model ? 'float32' : changed.vectorType,
    ...(next.length > 0 && { next }),
  };
}

/** The manifest once the fields are where the schema has them. */
export function finishedManifest(
  manifest: Manifest,
  { changes, before }: Pick<Reindex, 'changes' | 'before'>,
): Manifest {
  const vectorType = changes.vectorType ?? before?.vectorType ?? manifest.vectorType;
  return { ...withoutNext(manifest), vectorType };
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
    ...((changes.vectorType || changes.model) && { vectorType }),
  };
}

/** The settings that are given, as a manifest has them. */
export function applied({ analyser, ...others }: ReindexedSettings): Partial<Manifest> {
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  return { ...given, ...(analyser && { analyser }) };
}

function withoutNext({ next: _, ...manifest }: Manifest): Manifest {
  return manifest;
}
