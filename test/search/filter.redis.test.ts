import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/redis/databases.ts';
import { chunkRecord } from '../../src/schema/knowledge.ts';
import { compileFilter } from '../../src/search/filter.ts';
import { knnQuery } from '../../src/search/query.ts';
import type { Collection } from '../../src/stores/knowledge/collections.ts';
import { VectorIndex } from '../../src/stores/knowledge/vector-index.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

/** What a stored chunk can be filtered by; an absent name is a missing field. */
interface Fields {
  docId: string;
  source?: string;
  contentType?: string;
  updated?: number;
  lang?: string[];
  topic?: string[];
  year?: number;
  rank?: number;
}

const DOCUMENTS = 400;
const SEED = 20_250_115;
/** Values that meet the syntax of queries, the limits of numbers and each other. */
const TAGS = [
  ...[
    'en',
    'En',
    'de',
    '',
    'C++',
    'a b',
    'a  b',
    'x,y',
    'the',
    'is',
    '*',
    'a*',
    'true',
    '3',
    '-1',
    '$f0',
    '}|{',
  ],
  ...[
    "w'x'",
    '%x%',
    '"q"',
    'back\\',
    '@doc_id:{*}',
    '日本語',
    '😀',
    'é',
    'e\u0301',
    '\u00a0',
    '\u0001',
    'inf',
    '(',
  ],
];
const NUMBERS = [
  ...[0, -0, 1, -1, 2020, 2021, 2022, 2023, 2024, 0.1, 0.2, 0.1 + 0.2, 0.3, 1 / 3, 2 ** 53, 2 ** 53 - 1],
  ...[-(2 ** 53), 1e21, 1e-7, 1e308, -1e308, Number.MAX_VALUE, Number.MIN_VALUE, 16_777_217, 2 ** 63],
];
const SECONDS = [0, 1_700_000_000, 1_700_000_001, 1_736_899_200];

const redis = usePrivateRedis();
const random = randomFrom(SEED);
const documents = Array.from({ length: DOCUMENTS }, (_, index) => randomDocument(index));
const collections: Collection[] = [];
let knowledge: Database;
let vectorIndex: VectorIndex;

beforeAll(async () => {
  const lore = openTestLore(redis);
  knowledge = lore.databases.knowledge;
  vectorIndex = new VectorIndex(knowledge);
  for (const index of ['hnsw', 'flat'] as const) {
    const fields = [
      { name: 'lang', type: 'tag' as const },
      { name: 'topic', type: 'tag' as const },
      { name: 'year', type: 'number' as const },
      { name: 'rank', type: 'number' as const },
    ];
    const collection = await lore.createCollection(index, { dimensions: 4, index, fields });
    await knowledge.pipeline(documents.map((document, number) => store(index, number, document)));
    collections.push(collection);
  }
});

describe('a compiled filter', () => {
  it('selects exactly the chunks that the same filter selects in JavaScript', {
    timeout: 120_000,
  }, async () => {
    for (let round = 0; round < 600; round += 1) {
      const filter = randomFilter(3);
      const wanted = documents
        .flatMap((document, number) => (matches(document, filter) ? [`c${number}`] : []))
        .sort();
      const collection = collections[round % 2] as Collection;
      expect({ filter, found: await select(collection, filter) }).toEqual({ filter, found: wanted });
    }
  });

  it('compares every pair of numbers as JavaScript does', async () => {
    for (const bound of NUMBERS) {
      for (const operator of ['$eq', '$ne', '$gt', '$gte', '$lt', '$lte']) {
        const filter = { year: { [operator]: bound } };
        const wanted = documents.flatMap((document, number) =>
          matches(document, filter) ? [`c${number}`] : [],
        );
        expect(await select(collections[0] as Collection, filter), JSON.stringify(filter)).toEqual(
          wanted.sort(),
        );
      }
    }
  });

  it('is answered with 10,000 values and at full depth', async () => {
    const years = Array.from({ length: 10_000 }, (_, index) => index);
    const wanted = documents
      .flatMap(({ year }, number) => (years.includes(year ?? -1) ? [`c${number}`] : []))
      .sort();
    expect(await select(collections[0] as Collection, { year: { $in: years } })).toEqual(wanted);
    let deep: unknown = { docId: 'd1' };
    for (let level = 0; level < 32; level += 1) {
      deep = level % 2 ? { $and: [{ docId: { $ne: 'none' } }, deep] } : { $or: [deep, { docId: 'none' }] };
    }
    expect(await select(collections[0] as Collection, deep)).toEqual(
      documents.flatMap(({ docId }, number) => (docId === 'd1' ? [`c${number}`] : [])).sort(),
    );
  });
});

async function select(collection: Collection, filter: unknown): Promise<string[]> {
  const query = knnQuery({
    collection,
    vector: Float32Array.of(1, 0, 0, 1),
    topK: DOCUMENTS,
    filter: compileFilter(filter, collection.manifest.fields),
  });
  const { matches: found } = await vectorIndex.knn(collection, query);
  return found.map(({ chunkId }) => chunkId).sort();
}

function store(collection: string, number: number, document: Fields): (string | Buffer)[] {
  const { docId, source, contentType, updated, lang, topic, year, rank } = document;
  const embedding = Float32Array.of(1, random(), random(), random());
  const chunk = {
    embedding,
    text: '',
    metadata: {},
    docId,
    nodeId: `n${number}`,
    source,
    contentType,
    updatedAt: updated,
  };
  const key = chunkRecord.key.build({ collection, chunkId: `c${number}` });
  const command = ['HSET', key, ...chunkRecord.encode(chunk)];
  for (const [name, tags] of Object.entries({ lang, topic })) {
    if (tags) command.push(`meta_${name}`, tags.join('\x1f'));
  }
  for (const [name, value] of Object.entries({ year, rank })) {
    if (value !== undefined) command.push(`meta_${name}`, String(value));
  }
  return command;
}

/** The reference: what the language promises, for one document. */
function matches(document: Fields, filter: unknown): boolean {
  return Object.entries(filter as Record<string, unknown>).every(([name, condition]) => {
    if (name === '$and') return (condition as unknown[]).every((inner) => matches(document, inner));
    if (name === '$or') return (condition as unknown[]).some((inner) => matches(document, inner));
    const stored = document[name as keyof Fields];
    const values = stored === undefined ? [] : [stored].flat();
    if (typeof condition !== 'object' || condition instanceof Date) return holds(values, '$eq', condition);
    return Object.entries(condition as object).every(([operator, operand]) =>
      holds(values, operator, operand),
    );
  });
}

function holds(values: readonly (string | number)[], operator: string, operand: unknown): boolean {
  if (operator === '$exists') return values.length > 0 === operand;
  const operands = [operand].flat().map((value) => {
    if (value instanceof Date) return value.getTime() / 1000;
    return typeof value === 'string' ? value.replace(/^[ \t\n]+|[ \t\n]+$/g, '') : (value as number);
  });
  const isEqual = values.some((value) => operands.some((other) => value === other));
  const [value] = values as number[];
  const [bound] = operands as number[];
  if (value === undefined || bound === undefined) return false;
  const answers: Record<string, boolean> = {
    ...{ $eq: isEqual, $in: isEqual, $ne: !isEqual, $nin: !isEqual },
    ...{ $gt: value > bound, $gte: value >= bound, $lt: value < bound, $lte: value <= bound },
  };
  return answers[operator] ?? false;
}

function randomDocument(index: number): Fields {
  const document: Fields = { docId: `d${index % 50}` };
  if (random() < 0.8) document.source = pick(['/a b/c.md', 'https://x.org/?q=1,2', 'stdin', 'Ünï.md']);
  if (random() < 0.8) document.contentType = pick(['markdown', 'html']);
  if (random() < 0.8) document.updated = pick(SECONDS);
  if (random() < 0.7) document.lang = [pick(TAGS)];
  if (random() < 0.7) document.topic = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(TAGS));
  if (random() < 0.7) document.year = pick(NUMBERS);
  if (random() < 0.7) document.rank = pick(NUMBERS.slice(0, 8));
  return document;
}

function randomFilter(depth: number): Record<string, unknown> {
  if (depth > 0 && random() < 0.4) {
    const members = Array.from({ length: 1 + Math.floor(random() * 3) }, () => randomFilter(depth - 1));
    return random() < 0.5 ? { $and: members } : { $or: members };
  }
  const entries = Array.from({ length: random() < 0.8 ? 1 : 2 }, randomCondition);
  return Object.fromEntries(entries);
}

function randomCondition(): [string, unknown] {
  const name = pick([
    'docId',
    'source',
    'contentType',
    'updated',
    'lang',
    'lang',
    'topic',
    'topic',
    'year',
    'rank',
  ]);
  const isOrdered = ['updated', 'year', 'rank'].includes(name);
  const operators = ['', '$eq', '$ne', '$in', '$nin', ...(isOrdered ? ['$gt', '$gte', '$lt', '$lte'] : [])];
  const operator = pick(name === 'docId' ? operators : [...operators, '$exists']);
  if (operator === '') return [name, randomValue(name)];
  if (operator === '$exists') return [name, { $exists: random() < 0.5 }];
  if (operator === '$in' || operator === '$nin') {
    return [
      name,
      { [operator]: Array.from({ length: 1 + Math.floor(random() * 4) }, () => randomValue(name)) },
    ];
  }
  return [name, { [operator]: randomValue(name) }];
}

function randomValue(name: string): unknown {
  if (name === 'year' || name === 'rank') return pick(NUMBERS);
  if (name === 'updated') return new Date(pick([...SECONDS, 1_700_000_000.5]) * 1000);
  if (name === 'docId') return `d${Math.floor(random() * 60)}`;
  if (name === 'source')
    return pick(['/a b/c.md', 'https://x.org/?q=1,2', 'stdin', 'Ünï.md', '/a', 'ünï.md']);
  if (name === 'contentType') return pick(['markdown', 'html', 'pdf']);
  const tag = pick(TAGS);
  return random() < 0.2 ? ` ${tag}\n` : tag;
}

function pick<T>(values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}

/** Mulberry32: numbers from 0 to 1, the same ones for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
