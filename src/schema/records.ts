import { counterRecord, errorLogRecord, metricRecord, usageRecord } from './analytics.ts';
import {
  chunkRecord,
  collectionDocumentsRecord,
  collectionRecord,
  collectionsRecord,
  contentHashesRecord,
  documentIndexRecord,
  documentRecord,
  factRecord,
} from './knowledge.ts';
import {
  conversationRecord,
  rateLimitRecord,
  responseCacheRecord,
  sessionRecord,
  taskQueueRecord,
} from './main.ts';
import { systemPromptRecord, templateRecord, userPromptRecord } from './prompts.ts';

/** Every record by its name: maintenance and docs/schema.md are made from this list. */
export const RECORDS = {
  session: sessionRecord,
  conversation: conversationRecord,
  'response cache': responseCacheRecord,
  'task queue': taskQueueRecord,
  'rate limit': rateLimitRecord,
  chunk: chunkRecord,
  document: documentRecord,
  fact: factRecord,
  'document index': documentIndexRecord,
  collection: collectionRecord,
  collections: collectionsRecord,
  'collection documents': collectionDocumentsRecord,
  'content hashes': contentHashesRecord,
  'system prompt': systemPromptRecord,
  template: templateRecord,
  'user prompt': userPromptRecord,
  metric: metricRecord,
  usage: usageRecord,
  'error log': errorLogRecord,
  counter: counterRecord,
} as const;
