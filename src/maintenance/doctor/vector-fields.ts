import { chunkPrefix } from '../../stores/knowledge/document-ids.ts';
import { embeddingField, indexedVectorField } from '../../stores/knowledge/index-fields.ts';
import { NextFields } from '../../stores/knowledge/next-fields.ts';
import { pacedKeys } from '../paced-keys.ts';
import { Sample } from '../sample.ts';
import type { Check, Examination, Problem } from './check.ts';

/** Chunks of other programs have `embedding` only, where an index reads its float16 form. */
export const vectorFieldCheck: Check = {
  name: 'vector fields',
  needs: 'knowledge',
  async find(examination) {
    const problems: Problem[] = [];
    for (const { name, manifest } of examination.known) {
      const field = indexedVectorField(manifest);
      if (field === embeddingField(manifest)) continue;
      const lacking = new Sample();
      for await (const keys of chunkKeys(examination, name)) {
        const lengths = await examination.databases.knowledge.pipeline<number>(
          keys.map((key) => ['HSTRLEN', key, field]),
        );
        for (const [at, key] of keys.entries()) {
          if (lengths[at] !== manifest.dimensions * 2) lacking.add(key);
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
    repair: async () => {
      const chunks = new NextFields(examination.databases.knowledge, name);
      for await (const keys of chunkKeys(examination, name)) await chunks.addFloat16(keys);
      return true;
    },
  };
}

function chunkKeys({ databases: { knowledge }, pace }: Examination, name: string): AsyncGenerator<string[]> {
  return pacedKeys(knowledge, `${chunkPrefix(name)}*`, { ...pace, type: 'hash' });
}
