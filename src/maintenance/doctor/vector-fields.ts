import { StackloreError } from '../../errors.ts';
import { chunkPrefix } from '../../stores/knowledge/document-ids.ts';
import { indexedVectorField } from '../../stores/knowledge/index-fields.ts';
import { Reindexes } from '../../stores/knowledge/reindexes.ts';
import { convertToIndexed } from '../../stores/knowledge/stored-vectors.ts';
import { pacedKeys } from '../paced-keys.ts';
import { Sample } from '../sample.ts';
import type { Check, Examination, Problem } from './check.ts';

/** Chunks of other programs have vectors of float32, where an index reads those of float16. */
export const vectorFieldCheck: Check = {
  name: 'vector fields',
  needs: 'knowledge',
  async find(examination) {
    const problems: Problem[] = [];
    for (const { name, manifest } of examination.known) {
      const { vectorType, dimensions } = manifest;
      if (vectorType !== 'float16') continue;
      const field = indexedVectorField(manifest);
      const lacking = new Sample();
      for await (const keys of chunkKeys(examination, name)) {
        const lengths = await examination.databases.knowledge.pipeline<number>(
          keys.map((key) => ['HSTRLEN', key, field]),
        );
        for (const [at, key] of keys.entries()) {
          // Others, in `embedding` itself, are of no vector that could be converted.
          const length = lengths[at];
          const isOther = field === 'embedding' ? length === dimensions * 4 : length !== dimensions * 2;
          if (isOther) lacking.add(key);
        }
      }
      if (lacking.count > 0) problems.push(lackingVector(examination, name, lacking));
    }
    return problems;
  },
};

function lackingVector(examination: Examination, name: string, lacking: Sample): Problem {
  return {
    severity: 'error',
    what: `${lacking.count} chunks of collection ${name} lack the float16 form of their vector: ${lacking}.`,
    why: 'No search finds them by meaning.',
    fix: 'Add it to them; no chunk is embedded again.',
    // A reindex that ends meanwhile may need other vectors.
    repair: () => new Reindexes(examination.databases.knowledge).locked(name, () => mend(examination, name)),
  };
}

async function mend(examination: Examination, name: string): Promise<boolean> {
  const { manifest } = await examination.collections.get(name);
  if (manifest.vectorType !== 'float16') return true;
  let isMended = true;
  for await (const keys of chunkKeys(examination, name)) {
    await convertToIndexed(examination.databases.knowledge, keys, manifest).catch((error: unknown) => {
      // One that float16 cannot hold must not keep the others from being mended.
      if (!(error instanceof StackloreError) || error.code !== 'invalid_vector') throw error;
      isMended = false;
    });
  }
  return isMended;
}

function chunkKeys({ databases: { knowledge }, pace }: Examination, name: string): AsyncGenerator<string[]> {
  return pacedKeys(knowledge, `${chunkPrefix(name)}*`, { ...pace, type: 'hash' });
}
