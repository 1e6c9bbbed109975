/** Settings of models whose name alone is enough; anything given explicitly wins. */
export const KNOWN_MODELS: Readonly<Record<string, Record<string, unknown>>> = {
  'Xenova/bge-small-en-v1.5': {
    model: {
      dimensions: 384,
      maxTokens: 512,
      pooling: 'cls',
      queryPrefix: 'Represent this sentence for searching relevant passages: ',
    },
  },
  'Xenova/bge-base-en-v1.5': {
    model: {
      dimensions: 768,
      maxTokens: 512,
      pooling: 'cls',
      queryPrefix: 'Represent this sentence for searching relevant passages: ',
    },
  },
  'Xenova/all-mpnet-base-v2': { model: { dimensions: 768, maxTokens: 384 } },
  'Xenova/multilingual-e5-small': {
    model: { dimensions: 384, maxTokens: 512, queryPrefix: 'query: ', documentPrefix: 'passage: ' },
  },
  'Xenova/multilingual-e5-base': {
    model: { dimensions: 768, maxTokens: 512, queryPrefix: 'query: ', documentPrefix: 'passage: ' },
  },
  'Xenova/paraphrase-multilingual-MiniLM-L12-v2': { model: { dimensions: 384, maxTokens: 128 } },
};
