export { LocalEmbedding } from './local-embedding.ts';
export { RedisVectorStore, type RedisVectorStoreOptions } from './redis-vector-store.ts';
