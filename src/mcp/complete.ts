import type { CompleteRequest, CompleteResult } from '@modelcontextprotocol/sdk/types.js';
import { COLLECTION_TEMPLATE, DOCUMENT_TEMPLATE } from './resource-uri.ts';
import type { ResourceParts } from './resources.ts';

/** Documents of a collection that are looked at, most recently updated first. */
const MOST_LOOKED_AT = 1_000;
/** What the protocol allows one completion to hold. */
const MOST_VALUES = 100;

/** The ids or names that begin with what was typed, for the templates of our resources. */
export async function complete(
  { lore, collections }: ResourceParts,
  { ref, argument }: CompleteRequest['params'],
): Promise<CompleteResult> {
  const uri = ref.type === 'ref/resource' ? ref.uri : '';
  const names = (await collections.list()).map(({ name }) => name);
  if (uri === COLLECTION_TEMPLATE && argument.name === 'collection') return answer(names, argument.value);
  if (uri !== DOCUMENT_TEMPLATE || argument.name !== 'docId') return answer([], '');
  const pages = await Promise.all(names.map((name) => lore.documents.list(name, { limit: MOST_LOOKED_AT })));
  const ids = pages.flatMap(({ items }) => items.map(({ docId }) => docId));
  return answer(ids, argument.value);
}

function answer(candidates: readonly string[], typed: string): CompleteResult {
  const fitting = candidates.filter((value) => value.startsWith(typed));
  const values = fitting.slice(0, MOST_VALUES);
  return { completion: { values, total: fitting.length, hasMore: fitting.length > values.length } };
}
