import type { FieldNote } from '../describe-fields.ts';

/** What the fields mean that searches and contexts share. */
const SHARED_FIELDS = {
  query: 'The question, or words to look for. Give it, a vector, queries, or like.',
  vector: {
    description:
      "The question as a vector of the collection's dimensions; beside a query it is not embedded anew.",
    type: 'array',
    items: { type: 'number' },
  },
  collection: 'The collection to look in; `default` unless given.',
  collections: 'Several collections of the same model, searched together, in place of collection.',
  mode: 'By meaning and words (hybrid, the default), by meaning alone (vector), or by words alone (text).',
  fusion: 'How a hybrid search makes one score of two.',
  weight: 'The share of meaning in a hybrid score.',
  offset: 'How many of the best hits are left out, for paging.',
  filter: {
    description:
      'Conditions on declared fields and on source, contentType, docId and updated, such as {"lang":"en","year":{"$gte":2024}}. Operators: $eq, $ne, $in, $nin, $gt, $gte, $lt, $lte, $exists, $and, $or.',
    type: 'object',
  },
  minScore: 'Leave out hits with a smaller vectorScore (cosine).',
  maxPerDocument: 'The most hits that one document may give.',
  efRuntime:
    "How widely an HNSW index is searched: larger is slower and finds more. The collection's setting by default.",
  rerank: 'Let the cross-encoder of the configuration put the best hits, depth of them, into a new order.',
  queries: 'Several ways to ask the same, fused; in place of query.',
  maxDistance: 'The greatest cosine distance of a hit.',
  exact: 'Compare with every chunk instead of asking the index.',
  diversity: 'How unlike each other hits shall be: maximal marginal relevance with lambda = 1 - diversity.',
  collapse: 'Leave out hits that say the same as a better one: true, or the least cosine of their vectors.',
  boosts:
    'Preferences: hits that pass a filter move up by weight standard deviations of the scores, or down.',
  decay:
    'Prefer what is newer: a document of now moves up by weight, one that is halfLifeDays old by half of it.',
  userId: {
    description: 'Whose usage it counts for; a key that is bound to a user counts for this one.',
    type: 'string',
  },
} satisfies Record<string, FieldNote | string>;

/** What the fields of a search mean. */
export const SEARCH_FIELDS = {
  ...SHARED_FIELDS,
  topK: 'How many hits at most.',
  highlight: "Tell where in each text the query's words and the nearest sentence stand.",
  like: 'Find what is like a stored document or chunk, by meaning; in place of query.',
  facets: 'Fields whose values are counted over all that was found.',
  window: 'How many chunks before and after each hit come with it.',
  cursor:
    'true for the first page of a list that stays as it is while documents change; then the cursor of that answer.',
  semanticCache: 'Give the answer of an earlier question that means the same, too; earlier then tells which.',
};

/** What the fields of a context look-up mean. */
export const CONTEXT_FIELDS = {
  ...SHARED_FIELDS,
  topK: 'How many hits are considered for the text.',
  maxTokens: 'The most tokens the text may have.',
  order: 'Passages best first, or as they stand in their documents.',
  trim: 'Leave out weak sentences at the ends of passages, for more passages to have room.',
  facts:
    'Put facts that answer the question before the passages, under the same budget: true, or which ones.',
  conversationId: {
    description: 'The conversation whose last messages stand before the question.',
    type: 'string',
  },
  historyTokens: 'The most tokens that those messages may have together; 1,000 unless given.',
  append: 'Append the question to the conversation, once its context is found.',
  systemPrompt: {
    description: 'Name of the system prompt that begins the chat.',
    type: 'string',
  },
  template: {
    description: 'Name of the template that does, instead of a system prompt.',
    type: 'string',
  },
  variables: "The prompt's variables; context and question are filled in.",
} satisfies Record<string, FieldNote | string>;
