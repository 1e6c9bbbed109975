import type { Database } from '../../redis/databases.ts';
import { isLostIndex } from '../../stores/knowledge/ft-index.ts';

/** What a server tells of an index, as far as the doctor needs it. */
export interface IndexInfo {
  readonly name: string;
  readonly keyType: string;
  readonly prefixes: readonly string[];
  readonly isIndexing: boolean;
  readonly documents: number;
  /** The words that describe each attribute, by its name. */
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** The latest refusals, one a field. They stay although the hash was put right since. */
  readonly refusals: readonly { readonly key: string; readonly error: string }[];
}

/** What is known of an index by its name or alias, or `undefined` where there is none. */
export async function findIndexInfo(knowledge: Database, index: string): Promise<IndexInfo | undefined> {
  const reply = await knowledge.send<unknown[]>(['FT.INFO', index]).catch((error: unknown) => {
    if (isLostIndex(error)) return undefined;
    throw error;
  });
  if (!reply) return undefined;
  const definition = after(reply, 'index_definition');
  const attributes = listOf(after(reply, 'attributes')).map((one) => listOf(one).map(String));
  return {
    name: String(after(reply, 'index_name')),
    keyType: String(after(definition, 'key_type')),
    prefixes: listOf(after(definition, 'prefixes')).map(String),
    isIndexing: Number(after(reply, 'indexing') ?? 0) !== 0,
    documents: Number(after(reply, 'num_docs') ?? 0),
    attributes: new Map(attributes.map((words) => [String(after(words, 'attribute')), words])),
    refusals: listOf(after(reply, 'field statistics')).flatMap((one) => {
      const errors = after(one, 'Index Errors');
      if (Number(after(errors, 'indexing failures') ?? 0) === 0) return [];
      const [key, error] = [after(errors, 'last indexing error key'), after(errors, 'last indexing error')];
      return [{ key: String(key), error: String(error) }];
    }),
  };
}

/** What follows a name in a flat reply. */
export function after(flat: unknown, name: string): unknown {
  const list = listOf(flat);
  const at = list.indexOf(name);
  return at < 0 ? undefined : list[at + 1];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
