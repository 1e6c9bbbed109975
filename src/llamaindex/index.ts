export { LocalEmbedding } from './local-embedding.ts';
export { RedisRetriever, type RedisRetrieverOptions } from './redis-retriever.ts';
export { RedisVectorStore, type RedisVectorStoreOptions } from './redis-vector-store.ts';
export type { RedisQueryOptions } from './vector-query.ts';
