import { CHUNK_PREFIX, collectionRecord, factRecord } from '../../schema/knowledge.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import { chunkPrefix } from '../../stores/knowledge/document-ids.ts';
import { dropIndex } from '../../stores/knowledge/ft-index.ts';
import { aliasOf } from '../../stores/knowledge/index-aliases.ts';
import { collectionOfIndex, indexedVectorField, termsFields } from '../../stores/knowledge/index-fields.ts';
import { metadataAttribute } from '../../stores/knowledge/vector-index.ts';
import type { Check, Examination, Problem } from './check.ts';
import { after, findIndexInfo, type IndexInfo } from './index-info.ts';

/** Attributes for terms; made by another version, an index may have some of them. */
const TERM_FIELDS = ['analysed', 'analysed_nearby'];

export const collectionIndexCheck: Check = {
  name: 'collection index',
  needs: 'search',
  async find(examination) {
    const problems: Problem[] = [];
    for (const { name } of examination.known) {
      // An `auto` collection may have been given another index since it was read.
      const collection = await examination.collections.find(name);
      const problem = collection && (await findProblem(examination, collection));
      if (problem) problems.push(problem);
    }
    return problems;
  },
};

async function findProblem(
  { databases: { knowledge }, collections, vectorIndex }: Examination,
  collection: Collection,
): Promise<Problem | undefined> {
  const { name, index, manifest } = collection;
  const live = await findIndexInfo(knowledge, aliasOf(name));
  const own = live?.name === index ? live : await findIndexInfo(knowledge, index);
  const rebuild = async (): Promise<boolean> => {
    if ((await collections.get(name)).index !== index) return true;
    // A foreign index is left alone; only the name that searches go by is taken from it.
    if (own && differences(own, collection).length > 0) await dropIndex(knowledge, index);
    await vectorIndex.builder.ensure(collection);
    return true;
  };
  // Another process is building it; readers wait for that themselves.
  if (own?.isIndexing && !live) return undefined;
  // After a start there is at first one without words, and another one is being built.
  const isToComplete = manifest.index.auto && manifest.analyser && own && !own.attributes.has('analysed');
  if (!live && isToComplete) return undefined;
  if (!live) {
    return {
      severity: 'error',
      what: `Collection ${name} has no index.`,
      why: 'The next search waits until it is rebuilt.',
      fix: 'Rebuild it from the manifest; no chunk is embedded again.',
      repair: rebuild,
    };
  }
  const wrong = live.name === index ? differences(live, collection) : [`it is ${live.name}, not ${index}`];
  if (wrong.length > 0) {
    return {
      severity: 'error',
      what: `The index that serves collection ${name} is not the one its manifest describes: ${wrong.join('; ')}.`,
      why: 'Searches fail, or miss chunks without a word.',
      fix: 'Rebuild it from the manifest; no chunk is embedded again.',
      repair: rebuild,
    };
  }
  const missing = collection.manifest.fields.filter(
    (field) => !live.attributes.has(metadataAttribute(field.name)),
  );
  if (collection.manifest.analyser && !TERM_FIELDS.every((field) => live.attributes.has(field))) {
    return {
      severity: 'error',
      what: `The index of collection ${name} lacks the words of its chunks.`,
      why: 'Hybrid searches and searches by words fail.',
      fix: 'Add them to the index; no chunk is embedded again.',
      repair: async () => {
        await vectorIndex.builder.addTerms(collection);
        return true;
      },
    };
  }
  if (missing.length === 0) return undefined;
  return {
    severity: 'error',
    what: `The index of collection ${name} lacks declared fields: ${missing.map((field) => field.name).join(', ')}.`,
    why: 'Filters by them find nothing.',
    fix: 'Add them to the index.',
    repair: async () => {
      await vectorIndex.builder.addFields(collection, missing);
      return true;
    },
  };
}

/** In what an index differs from what the manifest asks for; words that the server does not tell are not judged. */
function differences({ keyType, prefixes, attributes }: IndexInfo, { name, manifest }: Collection): string[] {
  const embedding = attributes.get('embedding');
  const differing: string[] = [];
  if (keyType.toUpperCase() !== 'HASH') differing.push(`it indexes ${keyType}`);
  if (prefixes.length !== 1 || prefixes[0] !== chunkPrefix(name)) {
    differing.push(`it covers ${prefixes.map((prefix) => `"${prefix}"`).join(', ')}`);
  }
  if (!embedding) return [...differing, 'it has no vectors'];
  const wanted = {
    identifier: indexedVectorField(manifest),
    dim: String(manifest.dimensions),
    data_type: manifest.vectorType,
    distance_metric: manifest.metric,
    algorithm: manifest.index.kind,
  };
  for (const [word, value] of Object.entries(wanted)) {
    const told = after(embedding, word);
    if (told !== undefined && String(told).toUpperCase() !== value.toUpperCase()) {
      differing.push(`${word} is ${told}, not ${value}`);
    }
  }
  const { own, nearby } = termsFields(manifest);
  for (const [attribute, field] of Object.entries({ analysed: own, analysed_nearby: nearby })) {
    const told = after(attributes.get(attribute), 'identifier');
    if (told !== undefined && told !== field)
      differing.push(`${attribute} is read from ${told}, not ${field}`);
  }
  return differing;
}

export const foreignIndexCheck: Check = {
  name: 'foreign index',
  needs: 'search',
  async find({ databases: { knowledge }, known }) {
    const own = new Set(known.map(({ index }) => index));
    const problems: Problem[] = [];
    for (const index of await knowledge.send<string[]>(['FT._LIST'])) {
      if (own.has(index) || collectionOfIndex(index) !== undefined) continue;
      if (/^stacklore:(facts|probe):/.test(index)) continue;
      const info = await findIndexInfo(knowledge, index);
      const isOfHashes = info?.keyType.toUpperCase() === 'HASH';
      const overlapping = (info?.prefixes ?? []).filter((prefix) =>
        OWN_PREFIXES.some((mine) => overlaps(prefix, mine)),
      );
      if (!isOfHashes || overlapping.length === 0) continue;
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

export const leftoverIndexCheck: Check = {
  name: 'leftover index',
  needs: 'search',
  async find({ databases: { knowledge } }) {
    const problems: Problem[] = [];
    for (const index of await knowledge.send<string[]>(['FT._LIST'])) {
      const collection = collectionOfIndex(index);
      if (collection === undefined) continue;
      // Of a record that cannot be read nobody knows which index it names.
      const isLeft = async () => {
        return (await knowledge.send<number>(['EXISTS', collectionRecord.key.build({ collection })])) === 0;
      };
      if (!(await isLeft())) continue;
      problems.push({
        severity: 'warning',
        what: `Index ${index} is of a collection that is gone.`,
        why: 'It takes memory, and every chunk that is written under that name is indexed for nobody.',
        fix: 'Drop the index; the hashes it covers stay.',
        repair: async () => {
          // The collection may have been created again since.
          if (await isLeft()) await dropIndex(knowledge, index);
          return true;
        },
      });
    }
    return problems;
  },
};

const OWN_PREFIXES = [CHUNK_PREFIX, factRecord.key.pattern.slice(0, -1)];

function overlaps(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one) || one === '*';
}
