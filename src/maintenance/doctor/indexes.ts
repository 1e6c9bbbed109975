import type { Database } from '../../redis/databases.ts';
import { CHUNK_PREFIX, factRecord } from '../../schema/knowledge.ts';
import { isLostIndex, readIndexHealth } from '../../stores/knowledge/ft-index.ts';
import { aliasOf } from '../../stores/knowledge/vector-index.ts';
import type { Check, Problem } from './check.ts';

export const collectionIndexCheck: Check = {
  name: 'collection index',
  async find({ databases: { knowledge }, collections, vectorIndex }) {
    const problems: Problem[] = [];
    for (const collection of await collections.list()) {
      const { name } = collection;
      const health = await readIndexHealth(knowledge, aliasOf(name)).catch((error: unknown) => {
        if (isLostIndex(error)) return undefined;
        throw error;
      });
      if (!health) {
        problems.push({
          severity: 'error',
          what: `Collection ${name} has no index.`,
          why: 'The next search waits until it is rebuilt.',
          fix: 'Rebuild it from the manifest; no chunk is embedded again.',
          repair: async () => {
            await vectorIndex.ensure(collection);
            return true;
          },
        });
      } else if (health.failures > 0) {
        problems.push({
          severity: 'error',
          what: `The index of collection ${name} could not take ${health.failures} chunks: ${health.lastFailure ?? 'no reason given'}.`,
          why: 'No search finds them.',
          fix: 'Ingest their documents again.',
        });
      }
    }
    return problems;
  },
};

export const foreignIndexCheck: Check = {
  name: 'foreign index',
  async find({ databases: { knowledge }, collections }) {
    const own = new Set((await collections.list()).map(({ index }) => index));
    const problems: Problem[] = [];
    for (const index of await knowledge.send<string[]>(['FT._LIST'])) {
      if (own.has(index) || /^stacklore:(facts|probe|index):/.test(index)) continue;
      const prefixes = await prefixesOf(knowledge, index);
      const overlapping = prefixes.filter((prefix) => OWN_PREFIXES.some((mine) => overlaps(prefix, mine)));
      if (overlapping.length === 0) continue;
      problems.push({
        severity: 'warning',
        what: `Index ${index} of another program covers keys that begin with ${overlapping.map((prefix) => `"${prefix}"`).join(', ')}.`,
        why: 'Every chunk or fact is indexed twice, which takes memory and slows ingest; dropped with DD, it deletes them.',
        fix: `Give it another prefix, or drop it where it is not needed: FT.DROPINDEX ${index} (without DD).`,
      });
    }
    return problems;
  },
};

const OWN_PREFIXES = [CHUNK_PREFIX, factRecord.key.pattern.slice(0, -1)];

function overlaps(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one) || one === '*';
}

async function prefixesOf(knowledge: Database, index: string): Promise<string[]> {
  try {
    const definition = valueOf(await knowledge.send<unknown[]>(['FT.INFO', index]), 'index_definition');
    const prefixes = valueOf(definition, 'prefixes');
    return Array.isArray(prefixes) ? prefixes.map(String) : [];
  } catch (error) {
    if (isLostIndex(error)) return [];
    throw error;
  }
}

function valueOf(flat: unknown, name: string): unknown {
  return Array.isArray(flat) ? flat[flat.indexOf(name) + 1] : undefined;
}
