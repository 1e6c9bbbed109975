// Finds the nodes that answer a question, through a retriever of LlamaIndex.TS.
//
//   stacklore ingest fixtures/documents --collection handbook --fields lang:tag,year:number
//   node examples/retriever.mjs "How do I renew a loan?"
import { VectorStoreQueryMode } from '@llamaindex/core/vector-store';
import { Settings, VectorStoreIndex } from 'llamaindex';
import { openStacklore } from 'stacklore';
import { LocalEmbedding, RedisVectorStore } from 'stacklore/llamaindex';

const question = process.argv[2] ?? 'How do I renew a loan?';
const collection = process.env.COLLECTION ?? 'handbook';

const lore = openStacklore();
try {
  // VectorStoreIndex asks for a global embed model; it must be the one that the collection was made with.
  Settings.embedModel = new LocalEmbedding(lore);
  const index = await VectorStoreIndex.fromVectorStore(new RedisVectorStore({ lore, collection }));

  const retriever = index.asRetriever({
    similarityTopK: 3,
    // By meaning and words; DEFAULT is by meaning alone.
    mode: VectorStoreQueryMode.HYBRID,
    filters: { filters: [{ key: 'lang', operator: '==', value: 'en' }] },
    // What a retriever has no option for: alpha is the share of meaning.
    customParams: { alpha: 0.5, maxPerDocument: 2 },
  });
  for (const { node, score = 0 } of await retriever.retrieve(question)) {
    console.log(`${score.toFixed(2)}  ${node.metadata.source}  (document ${node.sourceNode?.nodeId})`);
    console.log(`      ${node.metadata.headings?.join(' › ') ?? node.metadata.title}`);
  }
} finally {
  await lore.close();
}
