import type { Stacklore } from '../../src/stacklore.ts';
import { aliasOf } from '../../src/stores/knowledge/index-aliases.ts';
import type { Figure } from './figures.ts';

const SAMPLED_CHUNKS = 500;
/** Parts of an index as FT.INFO names them, in MiB. */
const PARTS = {
  vectors: ['vector_index_sz_mb'],
  words: ['inverted_sz_mb', 'offset_vectors_sz_mb', 'text_overhead_sz_mb'],
  tags: ['tag_overhead_sz_mb'],
  'tables of keys': ['doc_table_size_mb', 'key_table_size_mb', 'sortable_values_size_mb'],
};

/** What a chunk costs in memory, in all and by part. */
export async function memoryFigures(lore: Stacklore, collection: string): Promise<Figure[]> {
  const { knowledge } = lore.databases;
  const [memory, info] = await knowledge.pipeline<string & unknown[]>([
    ['INFO', 'memory'],
    ['FT.INFO', aliasOf(collection)],
  ]);
  const infoValue = (name: string) => Number(info?.[info.indexOf(name) + 1] ?? Number.NaN);
  const chunks = infoValue('num_docs');
  const { items } = await lore.documents.list(collection, { limit: SAMPLED_CHUNKS });
  const keys = items.map(({ docId }) => `llama_index/vector_store/${collection}/${docId}_chunk_0`);
  const sizes = await knowledge.pipeline<number | null>(
    keys.map((key) => ['MEMORY', 'USAGE', key, 'SAMPLES', '0']),
  );
  const hash = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) / Math.max(1, keys.length);
  const told = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(memory ?? '')?.[1]);
  const empty = told('used_memory_startup');
  const figure = (name: string, bytes: number): Figure => {
    return { name: `memory a chunk: ${name}`, unit: 'bytes', value: bytes, growth: 'flat' };
  };
  return [
    figure('in all', (told('used_memory') - empty) / chunks),
    figure('resident', (told('used_memory_rss') - empty) / chunks),
    figure('hash', hash),
    ...Object.entries(PARTS).map(([name, fields]) => {
      const mebibytes = fields.reduce((sum, field) => sum + (infoValue(field) || 0), 0);
      return figure(`index, ${name}`, (mebibytes * 2 ** 20) / chunks);
    }),
  ];
}
