import { TAG_SEPARATOR } from '../schema/tag.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { attributeOf } from './filter.ts';
import type { Ranked } from './rank.ts';
import { invalidRequest } from './request.ts';

/** How many of the chunks found hold each value of each field, most frequent first. */
export type Facets = Readonly<Record<string, readonly { readonly value: string; readonly count: number }[]>>;

/** Counts values over all candidates of a search. Throws `invalid_input` for a field that cannot be counted. */
export async function countFacets(
  vectorIndex: Pick<VectorIndex, 'fields'>,
  ranking: readonly Ranked[],
  { names, collections }: { names: readonly string[]; collections: readonly Collection[] },
): Promise<Facets> {
  const counts = new Map(names.map((name) => [name, new Map<string, number>()]));
  await Promise.all(
    collections.map(async ({ manifest }, at) => {
      const attributes = names.map((name) => facetAttribute(name, manifest.fields));
      const keys = ranking.filter((one) => one.at === at).map(({ key }) => key);
      for (const values of await vectorIndex.fields(keys, attributes)) {
        for (const [place, value] of values.entries()) {
          for (const tag of value?.split(TAG_SEPARATOR) ?? []) {
            const counted = counts.get(names[place] as string);
            counted?.set(tag, (counted.get(tag) ?? 0) + 1);
          }
        }
      }
    }),
  );
  return Object.fromEntries(
    Array.from(counts, ([name, values]) => [
      name,
      Array.from(values, ([value, count]) => ({ value, count })).sort(
        (a, b) => b.count - a.count || (a.value < b.value ? -1 : 1),
      ),
    ]),
  );
}

function facetAttribute(name: string, fields: Collection['manifest']['fields']): string {
  const attribute = attributeOf(name, fields);
  if (attribute !== undefined && name !== 'updated') return attribute;
  throw invalidRequest(
    `facets: "${name}" cannot be counted. Name declared fields of the collection, source, contentType or docId.`,
  );
}
