export { type Config, type ConfigInput, type ConfigSources, loadConfig, type ModelConfig } from './config.ts';
export type { Embedder, EmbeddingModel } from './embed/embedder.ts';
export { type LocalEmbedder, type OpenEmbedderOptions, openLocalEmbedder } from './embed/local-embedder.ts';
export type { Reranker } from './embed/reranker.ts';
export { type ErrorCode, type FieldIssue, RecordError, StackloreError } from './errors.ts';
export type {
  Comparison,
  EvaluationOptions,
  EvaluationReport,
  QueryReport,
  SettingsReport,
} from './evaluation/evaluate.ts';
export type { EfRuntimeRecall, Float16Estimate, IndexRecall } from './evaluation/index-recall.ts';
export type {
  Grade,
  Judge,
  JudgingInput,
  JudgingQuestion,
  JudgingReport,
  Verdict,
} from './evaluation/judge.ts';
export type { Measures } from './evaluation/metrics.ts';
export type { EvaluationInput, SearchSettings } from './evaluation/request.ts';
export type { Difference } from './evaluation/significance.ts';
export type { ExtendedCollection } from './ingest/add-fields.ts';
export type { CollectionSettings } from './ingest/collection-settings.ts';
export type {
  ChangeFactOptions,
  DuplicateOptions,
  EmbedFactsOptions,
  EmbedFactsProgress,
  EmbedFactsReport,
  FactProblem,
} from './ingest/facts.ts';
export type {
  FactImportReport,
  ImportFactsOptions,
  ImportFactsProgress,
  LineDuplicates,
  LineProblem,
} from './ingest/import-facts.ts';
export type { FileContents, IngestRequest, TextDocument, TextIngestRequest } from './ingest/ingest.ts';
export type { ContentType } from './ingest/parse/document.ts';
export type { ParseOptions } from './ingest/parse/parse-source.ts';
export type { ReadOptions, Source, SourceProblem, SourceRef } from './ingest/source.ts';
export type { DocumentOutcome, IngestEvent, IngestReport } from './ingest/tally.ts';
export { followJob, type JobNews } from './jobs/follow-job.ts';
export {
  type QueuedIngest,
  type QueuedTextIngest,
  queueFiles,
  queueIngest,
  queueTexts,
  queueUpload,
  type UploadedIngest,
} from './jobs/queue-ingest.ts';
export {
  type IngestWorker,
  type IngestWorkerOptions,
  startIngestWorker,
} from './jobs/start-ingest-worker.ts';
export type { RightsCheck, RightsRequest } from './maintenance/acl/check-rights.ts';
export type { UserRequest, UserRules } from './maintenance/acl/user-rules.ts';
export type { AnalyticsDeletion } from './maintenance/analytics-retention.ts';
export type { Tended } from './maintenance/auto-index/tend-index.ts';
export type {
  BackupArchive,
  BackupProgress,
  BackupReport,
  BackupRequest,
} from './maintenance/backup/backup.ts';
export type { RestoreReport, RestoreRequest } from './maintenance/backup/restore.ts';
export type { CleanupReport, CleanupRequest } from './maintenance/cleanup.ts';
export type { ConnectionStatus, Connections } from './maintenance/connections.ts';
export type { Diagnosis, DiagnosisRequest, Finding } from './maintenance/doctor/doctor.ts';
export type { ErasureReport } from './maintenance/erase-user.ts';
export type {
  BigKey,
  CollectionKeys,
  FamilyKeys,
  KeysReport,
  KeysRequest,
  UnknownKeys,
} from './maintenance/keys.ts';
export type { Maintenance } from './maintenance/maintenance.ts';
export type { ExportReport, ExportRequest } from './maintenance/migrate/export-collection.ts';
export type { ImportProblem, ImportReport } from './maintenance/migrate/import-rows.ts';
export type { MigrationRequest } from './maintenance/migrate/migrate.ts';
export type { MoveReport } from './maintenance/migrate/move-knowledge.ts';
export type { MovedFamily } from './maintenance/migrate/move-tally.ts';
export type { MigrationProgress } from './maintenance/migrate/progress.ts';
export type { PromptFileOutcome, PromptFilesOptions, PromptFilesReport } from './maintenance/prompt-files.ts';
export type { PromptKind } from './maintenance/prompt-kinds.ts';
export type { ComparedQuery, ReindexComparison } from './maintenance/reindex/compare.ts';
export type { ReindexPlan } from './maintenance/reindex/plan.ts';
export type { RechunkedDocuments, ReindexReport } from './maintenance/reindex/report.ts';
export type { ReindexInput, ReindexProgress } from './maintenance/reindex/request.ts';
export type { CollectionStatus, CollectionStatuses, DatabaseStatus, Status } from './maintenance/status.ts';
export type { CitationCheck, CitationInput, VerifyCitationOptions } from './maintenance/verify-citation.ts';
export { type ProvisionEvent, type ProvisionReport, printReport } from './provision/report.ts';
export type { Recorder } from './recorder.ts';
export {
  type CommandOptions,
  type ConnectOptions,
  connectDatabases,
  type Database,
  type Databases,
  type RedisArgument,
  type RedisCommand,
} from './redis/databases.ts';
export type { UnreadableRecord } from './redis/hash.ts';
export type { UnreadableElement } from './redis/list.ts';
export type { ErrorEntry, Metric, Usage } from './schema/analytics.ts';
export type { FactChanges, FactFilter, NewFact } from './schema/fact-input.ts';
export type {
  Chunk,
  CollectionField,
  DocumentMetadata,
  Fact,
  IndexChoice,
  IndexSettings,
  Manifest,
} from './schema/knowledge.ts';
export type { Message, Session, Task } from './schema/main.ts';
export type { SystemPromptInput, TemplateInput, UserPromptInput } from './schema/prompt-input.ts';
export type { PromptVersion, SystemPrompt, Template, UserPrompt } from './schema/prompts.ts';
export type { DatabaseName, ValueOf } from './schema/record.ts';
export { RECORDS } from './schema/records.ts';
export type { CachedSearchAnswer, CachedSearchOptions } from './search/cached-search.ts';
export type { ChatContextAnswer, ChatContextOptions } from './search/chat-context.ts';
export type { ChatContextInput } from './search/chat-request.ts';
export {
  type ChatMessage,
  type Citation,
  type Context,
  type ContextAnswer,
  type Omission,
  toMessages,
} from './search/context.ts';
export type { FailedCondition } from './search/document-chunks.ts';
export type {
  ChunkExplanation,
  ExplainInput,
  ExplainOptions,
  Explanation,
  Standing,
} from './search/explain.ts';
export type { Outcome } from './search/explain-reasons.ts';
export type { FactCitation, FactOmission } from './search/fact-context.ts';
export type { FieldCondition, Filter, FilterValue } from './search/filter.ts';
export type { Highlights, MatchedWord } from './search/highlight.ts';
export type { CollectionMap, MapHit, MapInput, MapPlace, MapPoint } from './search/map.ts';
export type { ContextInput, SearchInput } from './search/request.ts';
export type { SearchAnswer, SearchHit } from './search/search.ts';
export type { FactAnswer, FactHit, FactSearchInput } from './search/search-facts.ts';
export type { EarlierQuestion } from './search/semantic-cache.ts';
export { type OpenOptions, openStacklore, type Stacklore } from './stacklore.ts';
export type { Resolution, TimeRange } from './stores/analytics/bucket.ts';
export type {
  CounterIncrement,
  CounterState,
  Counters,
  CounterWindow,
  Counts,
} from './stores/analytics/counters.ts';
export type { ErrorCount, ErrorLog, ErrorPage, NewError } from './stores/analytics/error-log.ts';
export type {
  MetricBucket,
  MetricName,
  MetricRange,
  MetricSummary,
  Metrics,
  Observation,
  RangeOptions,
} from './stores/analytics/metrics.ts';
export type {
  DailyUsage,
  UsageIncrement,
  UsageLog,
  UsagePage,
  UsageRange,
} from './stores/analytics/usage.ts';
export type { ChunkMemory } from './stores/knowledge/chunk-memory.ts';
export type {
  Collection,
  CollectionList,
  Collections,
  UnreadableCollection,
} from './stores/knowledge/collections.ts';
export type {
  ChunkPlace,
  NewChunk,
  NewDocument,
  PlacedChunk,
  StoredChunk,
  StoredDocument,
} from './stores/knowledge/document.ts';
export type { DocumentPage, Documents, Page } from './stores/knowledge/documents.ts';
export type {
  AddedFact,
  FactDuplicate,
  FactMatch,
  StoredFact,
  UnreadableFact,
} from './stores/knowledge/fact.ts';
export type {
  FactListOptions,
  FactPage,
  Facts,
  FactWriteOptions,
  OwnerOptions,
} from './stores/knowledge/facts.ts';
export type { DocumentListOptions } from './stores/knowledge/list-documents.ts';
export type { IndexHealth } from './stores/knowledge/vector-index.ts';
export type { CacheAddress, CachedEndpoint } from './stores/main/cache-address.ts';
export type { EndpointEntries } from './stores/main/cache-contents.ts';
export type { ConversationUsers } from './stores/main/conversation-users.ts';
export type {
  ConversationInfo,
  Conversations,
  MessagePage,
  RecentMessages,
} from './stores/main/conversations.ts';
export type { DeadLetter, DeadLetterPage, DeadLetters, RetriedLetters } from './stores/main/dead-letters.ts';
export type { Delivery, QueuedTask } from './stores/main/delivery.ts';
export type { CountTokens } from './stores/main/estimate-tokens.ts';
export type { IngestJob, IngestJobs, JobPage, JobProgress, NewIngestJob } from './stores/main/ingest-jobs.ts';
export type { NewMessage, UnreadableMessage } from './stores/main/message.ts';
export type { NewTask } from './stores/main/new-task.ts';
export type {
  QueueWorker,
  TaskContext,
  TaskHandler,
  TaskOutcome,
  WorkerCounts,
  WorkerOptions,
} from './stores/main/queue-worker.ts';
export type { QueueStats, Queues, Recovery } from './stores/main/queues.ts';
export type { HitOptions, Rate, RateDecision, RateLimits } from './stores/main/rate-limits.ts';
export type {
  CacheAnswer,
  CachedBody,
  CacheStats,
  ComputeOptions,
  ResponseCache,
} from './stores/main/response-cache.ts';
export type {
  NewSession,
  SessionChange,
  SessionPage,
  Sessions,
  StoredSession,
} from './stores/main/sessions.ts';
export type { DequeueOptions } from './stores/main/take-options.ts';
export type { TemplateLimits } from './stores/prompts/render.ts';
export type {
  PageOptions,
  PromptPage,
  SaveOutcome,
  UnreadablePrompt,
} from './stores/prompts/stored-prompts.ts';
export type {
  PromptHistory,
  SavedSystemPrompt,
  SaveSystemPromptOptions,
  StoredSystemPrompt,
  SystemPrompts,
} from './stores/prompts/system-prompts.ts';
export type {
  SavedTemplate,
  StoredTemplate,
  Templates,
} from './stores/prompts/templates.ts';
export type {
  SavedUserPrompt,
  StoredUserPrompt,
  UserPrompts,
  ViewerOptions,
} from './stores/prompts/user-prompts.ts';
