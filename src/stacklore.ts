import { type Config, type ConfigInput, type ConfigSources, loadConfig } from './config.ts';
import type { Embedder } from './embed/embedder.ts';
import { openLocalEmbedder } from './embed/local-embedder.ts';
import { openLocalReranker } from './embed/local-reranker.ts';
import type { Reranker } from './embed/reranker.ts';
import { type EvaluationOptions, type EvaluationReport, evaluate } from './evaluation/evaluate.ts';
import { type Judge, type JudgingInput, type JudgingReport, judge } from './evaluation/judge.ts';
import type { EvaluationInput } from './evaluation/request.ts';
import { addFields, type ExtendedCollection } from './ingest/add-fields.ts';
import {
  type CollectionParts,
  type CollectionSettings,
  createCollection,
  dropCollection,
  openCollection,
} from './ingest/collection-settings.ts';
import {
  addFact,
  type ChangeFactOptions,
  type DuplicateOptions,
  type EmbedFactsOptions,
  type EmbedFactsReport,
  embedFacts,
  type FactParts,
  updateFact,
} from './ingest/facts.ts';
import { type FactImportReport, type ImportFactsOptions, importFacts } from './ingest/import-facts.ts';
import { indexWords } from './ingest/index-words.ts';
import {
  type FileContents,
  type IngestParts,
  type IngestRequest,
  ingest,
  ingestFiles,
  ingestTexts,
  type TextDocument,
  type TextIngestRequest,
} from './ingest/ingest.ts';
import { listSources, readSource } from './ingest/read-source.ts';
import { recordIngest } from './ingest/record-ingest.ts';
import type { ReadOptions, Source, SourceProblem, SourceRef } from './ingest/source.ts';
import type { IngestReport } from './ingest/tally.ts';
import { IndexTender } from './maintenance/auto-index/index-tender.ts';
import { startIndexes } from './maintenance/auto-index/start-indexes.ts';
import type { Tended } from './maintenance/auto-index/tend-index.ts';
import { Maintenance } from './maintenance/maintenance.ts';
import type { ReindexParts } from './maintenance/reindex/parts.ts';
import { reindex } from './maintenance/reindex/reindex.ts';
import type { ReindexReport } from './maintenance/reindex/report.ts';
import type { ReindexInput } from './maintenance/reindex/request.ts';
import { type CollectionStatuses, readCollections, readStatus, type Status } from './maintenance/status.ts';
import {
  type CitationCheck,
  type CitationInput,
  type VerifyCitationOptions,
  verifyCitation,
} from './maintenance/verify-citation.ts';
import { type ProvisionReport, silentReport } from './provision/report.ts';
import { BufferedRecorder, type Recorder, silentRecorder } from './recorder.ts';
import { connectDatabases, type Databases } from './redis/databases.ts';
import { type AttachOptions, attachEmbeddedRedis, type EmbeddedRedis } from './redis/embedded.ts';
import { EmbeddedHold } from './redis/embedded-hold.ts';
import type { FactChanges, NewFact } from './schema/fact-input.ts';
import type { CollectionField } from './schema/knowledge.ts';
import { type CachedSearchAnswer, type CachedSearchOptions, cachedSearch } from './search/cached-search.ts';
import { type ChatContextAnswer, type ChatContextOptions, findChatContext } from './search/chat-context.ts';
import type { ChatContextInput } from './search/chat-request.ts';
import { checkModel } from './search/check-models.ts';
import type { ContextAnswer } from './search/context.ts';
import { type ExplainInput, type ExplainOptions, type Explanation, explain } from './search/explain.ts';
import { type CollectionMap, type MapInput, map } from './search/map.ts';
import { recordQuery } from './search/record-query.ts';
import { refinedSearch } from './search/refined-search.ts';
import type { SearchInput } from './search/request.ts';
import { type SearchAnswer, type SearchParts, search } from './search/search.ts';
import { type FactAnswer, type FactSearchInput, searchFacts } from './search/search-facts.ts';
import { Counters } from './stores/analytics/counters.ts';
import { ErrorLog } from './stores/analytics/error-log.ts';
import { Metrics } from './stores/analytics/metrics.ts';
import { UsageLog } from './stores/analytics/usage.ts';
import { CachedQuestions } from './stores/knowledge/cached-questions.ts';
import { ChunkSamples } from './stores/knowledge/chunk-samples.ts';
import { type Collection, Collections, REMEMBERED_MS } from './stores/knowledge/collections.ts';
import { Documents } from './stores/knowledge/documents.ts';
import type { AddedFact } from './stores/knowledge/fact.ts';
import { FactBacklog } from './stores/knowledge/fact-backlog.ts';
import { FactIndex } from './stores/knowledge/fact-index.ts';
import { Facts } from './stores/knowledge/facts.ts';
import { IngestLeases } from './stores/knowledge/ingest-leases.ts';
import { Reindexes } from './stores/knowledge/reindexes.ts';
import { SearchCursors } from './stores/knowledge/search-cursors.ts';
import { VectorIndex } from './stores/knowledge/vector-index.ts';
import { ApiKeys } from './stores/main/api-keys.ts';
import { ConversationUsers } from './stores/main/conversation-users.ts';
import { Conversations } from './stores/main/conversations.ts';
import { DeadLetters } from './stores/main/dead-letters.ts';
import { IngestJobs } from './stores/main/ingest-jobs.ts';
import { QueueWorker, type TaskHandler, type WorkerOptions } from './stores/main/queue-worker.ts';
import { Queues } from './stores/main/queues.ts';
import { RateLimits } from './stores/main/rate-limits.ts';
import { ResponseCache } from './stores/main/response-cache.ts';
import { Sessions } from './stores/main/sessions.ts';
import { SystemPrompts } from './stores/prompts/system-prompts.ts';
import { Templates } from './stores/prompts/templates.ts';
import { UserPrompts } from './stores/prompts/user-prompts.ts';
import type { AnalyserLanguage } from './text/analyser.ts';

/** What a Stacklore can be opened with beside its settings. */
export interface OpenOptions extends Omit<ConfigSources, 'settings'> {
  /** Told what is being fetched when the server or the model has to be provisioned. */
  readonly report?: ProvisionReport;
  /** Takes sentences for the user, e.g. that the server is still loading its data. */
  readonly onNotice?: (text: string) => void;
  /** What it is opened for, in the names of its connections (CLIENT LIST): `serve` gives `stacklore:serve:main`. */
  readonly purpose?: string;
  /** Embeds instead of the configured model. */
  readonly embedder?: Embedder;
  /** Reranks instead of the configured model. */
  readonly reranker?: Reranker;
}

/**
 * Wires everything once. Nothing is connected, started or loaded until it is first needed; close it when done.
 *
 * @example
 * const lore = openStacklore();
 * await lore.ingest({ sources: ['docs'], collection: 'docs' });
 * const { hits } = await lore.search({ query: 'how do sessions expire?', collection: 'docs', topK: 5 });
 * await lore.close();
 */
export function openStacklore(settings: ConfigInput = {}, options: OpenOptions = {}): Stacklore {
  return new Stacklore(loadConfig({ ...options, settings }), options);
}

/** Attaches to the embedded server; one that it has to start answers before its large indexes are built. */
export async function attachServer(config: Config, options: AttachOptions): Promise<EmbeddedRedis> {
  const { onNotice } = options;
  const onStarted = (socketPath: string) => startIndexes(config, socketPath, { graceMs: GRACE_MS, onNotice });
  return attachEmbeddedRedis(config, { ...options, onStarted });
}

/** How long a search that has begun may still ask the index that served before a switch. */
const GRACE_MS = REMEMBERED_MS + 200;

/** The one façade: what is stored, searched and looked after in the four named databases. */
export class Stacklore {
  readonly config: Config;
  readonly databases: Databases;
  readonly collections: Collections;
  readonly documents: Documents;
  readonly responseCache: ResponseCache;
  readonly rateLimits: RateLimits;
  readonly apiKeys: ApiKeys;
  readonly sessions: Sessions;
  readonly conversations: Conversations;
  readonly conversationUsers: ConversationUsers;
  readonly queues: Queues;
  readonly deadLetters: DeadLetters;
  readonly ingestJobs: IngestJobs;
  readonly systemPrompts: SystemPrompts;
  readonly templates: Templates;
  readonly userPrompts: UserPrompts;
  readonly facts: Facts;
  readonly metrics: Metrics;
  readonly usage: UsageLog;
  readonly errorLog: ErrorLog;
  readonly counters: Counters;
  readonly maintenance: Maintenance;
  readonly #recorder: BufferedRecorder | undefined;
  readonly #factIndex: FactIndex;
  readonly #factBacklog: FactBacklog;
  readonly #vectorIndex: VectorIndex;
  readonly #ingestLeases: IngestLeases;
  readonly #tender: IndexTender;
  /** What query texts are embedded with, known without loading it. */
  readonly #model: (Embedder['model'] & { readonly dimensions: number }) | Config['model'];
  readonly #openEmbedder: () => Promise<Embedder>;
  readonly #hold: EmbeddedHold;
  readonly #workers = new Set<QueueWorker>();
  readonly #openReranker: () => Promise<Reranker>;
  #embedder: Promise<Embedder> | undefined;
  /** What reranks, as cached answers are told apart by; none for a reranker without a name. */
  readonly #rerankModel: unknown;
  #reranker: Promise<Reranker> | undefined;

  /** @internal Use `openStacklore`. */
  constructor(config: Config, options: OpenOptions) {
    const { report = silentReport, onNotice, purpose, embedder, reranker } = options;
    this.config = config;
    this.#hold = new EmbeddedHold(() => attachServer(config, { report, ...(onNotice && { onNotice }) }));
    this.databases = connectDatabases(config, {
      embeddedSocket: () => this.#hold.socketPath(),
      ...{ ...(onNotice && { onNotice }), purpose },
    });
    const { knowledge, analytics } = this.databases;
    this.collections = new Collections(knowledge);
    this.documents = new Documents(knowledge, { commandTimeoutMs: config.commandTimeoutMs });
    this.responseCache = new ResponseCache(this.databases.main, config.responseCache);
    this.rateLimits = new RateLimits(this.databases.main, config.rateLimits);
    this.#model = embedder ? { ...embedder.model, dimensions: embedder.dimensions } : config.model;
    this.apiKeys = new ApiKeys(this.databases.main);
    this.sessions = new Sessions(this.databases.main);
    this.conversations = new Conversations(this.databases.main);
    this.conversationUsers = new ConversationUsers(this.databases.main);
    this.queues = new Queues(this.databases.main, { commandTimeoutMs: config.commandTimeoutMs });
    this.deadLetters = new DeadLetters(this.databases.main);
    this.ingestJobs = new IngestJobs(this.databases.main);
    this.systemPrompts = new SystemPrompts(this.databases.prompts);
    this.templates = new Templates(this.databases.prompts);
    this.userPrompts = new UserPrompts(this.databases.prompts);
    this.#factIndex = new FactIndex(knowledge, { searchTimeoutMs: config.searchTimeoutMs });
    this.#factBacklog = new FactBacklog(knowledge);
    this.facts = new Facts(knowledge, { index: this.#factIndex, ...config.facts });
    this.metrics = new Metrics(analytics);
    this.usage = new UsageLog(analytics);
    this.errorLog = new ErrorLog(analytics);
    this.counters = new Counters(analytics);
    const hasUrl = (config.databases.analytics?.url ?? config.redisUrl) !== undefined;
    // The embedded server is not started, let alone fetched, only to record something.
    const mayWrite = () => hasUrl || this.#hold.isHeld;
    this.#recorder = config.recording ? new BufferedRecorder(this, { mayWrite }) : undefined;
    this.#ingestLeases = new IngestLeases(knowledge);
    this.#vectorIndex = new VectorIndex(knowledge, { searchTimeoutMs: config.searchTimeoutMs });
    const reindexes = new Reindexes(knowledge);
    this.#tender = new IndexTender({
      // Its own: what it reads does not make manifests fresh that searches remember.
      ...{ knowledge, collections: new Collections(knowledge), vectorIndex: this.#vectorIndex, reindexes },
      graceMs: GRACE_MS,
    });
    this.maintenance = new Maintenance({
      ...{ ...this, vectorIndex: this.#vectorIndex, factIndex: this.#factIndex, model: this.#model },
      ...{ reindexes, tender: this.#tender, embedder: () => this.#parts.embedder() },
    });
    this.#openEmbedder = embedder ? async () => embedder : () => openLocalEmbedder(config, { report });
    this.#rerankModel = !reranker ? config.reranker : reranker.name ? { name: reranker.name } : undefined;
    this.#openReranker = reranker ? async () => reranker : () => openLocalReranker(config);
  }

  /** Turns files, folders and URLs into searchable chunks; one bad source never stops the rest. */
  async ingest(request: IngestRequest): Promise<IngestReport> {
    return this.#ingesting(request, (parts) => ingest(parts, request));
  }

  /** What an ingest of these sources would read, and what it could not list. */
  listSources(
    sources: readonly string[],
    options: ReadOptions = {},
  ): AsyncGenerator<SourceRef | SourceProblem> {
    return listSources(sources, options);
  }

  /** The bytes of such a source. Throws `too_large`, `source_unreadable`, `url_refused` or `fetch_failed`. */
  async readSource(source: SourceRef, options: ReadOptions = {}): Promise<Source> {
    return readSource(source, options);
  }

  /** Ingests documents that a program holds as text. */
  async ingestTexts(
    texts: Iterable<TextDocument> | AsyncIterable<TextDocument>,
    request: TextIngestRequest = {},
  ): Promise<IngestReport> {
    return this.#ingesting(request, (parts) => ingestTexts(parts, texts, request));
  }

  /** Ingests files that a program holds as bytes, such as uploads. */
  async ingestFiles(
    files: Iterable<FileContents> | AsyncIterable<FileContents>,
    request: TextIngestRequest = {},
  ): Promise<IngestReport> {
    return this.#ingesting(request, (parts) => ingestFiles(parts, files, request));
  }

  /** The chunks that answer a query best, by meaning and words, or that are nearest to a vector. */
  async search(request: SearchInput): Promise<SearchAnswer> {
    const values = ({ hits }: SearchAnswer) => ({ hits: hits.length });
    return recordQuery(this.recorder, { service: 'search', request, values }, () =>
      this.#tender.after(request, () => refinedSearch(this.#parts, request)),
    );
  }

  /**
   * Like `search`, but gives the answer of an equal search for some time, until one of the collections changes. Of many
   * equal searches at once, in whatever process, one is carried out. With `semantic` the answer of a question that means
   * the same will do; then `earlier` tells which.
   *
   * @example
   * const { hits, cached } = await lore.cachedSearch({ query: 'how do sessions expire?' }, { ttlSeconds: 60 });
   * const { earlier } = await lore.cachedSearch({ query: 'How do sessions expire' }, { semantic: true });
   */
  async cachedSearch(request: SearchInput, options: CachedSearchOptions = {}): Promise<CachedSearchAnswer> {
    const { responseCache, config } = this;
    const { searchTimeoutMs } = config;
    const cachedQuestions = new CachedQuestions(this.databases.knowledge, {
      ...{ searchTimeoutMs, ttlSeconds: config.responseCache.ttlSeconds },
    });
    const values = ({ hits }: SearchAnswer) => ({ hits: hits.length });
    return recordQuery(this.recorder, { service: 'cached_search', request, values }, () =>
      cachedSearch(
        {
          ...{ ...this.#parts, responseCache, cachedQuestions },
          ...{ model: this.#model, rerankModel: this.#rerankModel },
        },
        request,
        options,
      ),
    );
  }

  /**
   * A collection as a plane shows it best: chunks evenly from all documents, and on request a question and its hits.
   *
   * @example
   * const { points, query, hits } = await lore.map({ collection: 'docs', query: 'how do sessions expire?' });
   */
  async map(request: MapInput = {}): Promise<CollectionMap> {
    const chunkSamples = new ChunkSamples(this.databases.knowledge);
    return map({ ...this.#parts, chunkSamples, responseCache: this.responseCache }, request);
  }

  /**
   * The RAG look-up: hits packed into one text under a token budget, with numbered citations; with a conversation or a
   * prompt, `messages` is the whole chat.
   *
   * @example
   * const { messages } = await lore.context({ query, conversationId, systemPrompt: 'helper', append: true });
   */
  async context(request: ChatContextInput, options: ChatContextOptions = {}): Promise<ChatContextAnswer> {
    const { conversations, conversationUsers, systemPrompts, templates } = this;
    const parts = { ...this.#parts, conversations, conversationUsers, systemPrompts, templates };
    const values = ({ tokens }: ContextAnswer) => ({ tokens });
    return recordQuery(this.recorder, { service: 'context', request, values }, () =>
      this.#tender.after(request, () => findChatContext(parts, request, options)),
    );
  }

  /**
   * Why a document is, or is not, in the answer of a search: its rank and score on each side, and what keeps it out.
   *
   * @example
   * const { outcome, reasons } = await lore.explain({ query: 'how do sessions expire?', docId: 'sessions' });
   */
  async explain(request: ExplainInput, options: ExplainOptions = {}): Promise<Explanation> {
    return explain(this.#parts, request, options);
  }

  /**
   * Measures searches by judgements of your own: nDCG, recall, MRR, latency, and the difference of two settings.
   *
   * @example
   * const { measures } = await lore.evaluate({ queries: 'queries.jsonl', qrels: 'qrels.tsv', collection: 'docs' });
   */
  async evaluate(request: EvaluationInput, options: EvaluationOptions = {}): Promise<EvaluationReport> {
    return evaluate(this.#parts, request, options);
  }

  /** Shows a person what queries find and keeps what they say of it, for `evaluate`. */
  async judge(request: JudgingInput, person: Judge): Promise<JudgingReport> {
    return judge(this.#parts, request, person);
  }

  /**
   * Says whether what was cited still stands in its document, as stored or, with `source`, as the file or URL has it now.
   *
   * @example
   * const { citations } = await lore.context({ query: 'how do sessions expire?' });
   * const { status } = await lore.verifyCitation(citations[0], { source: true });
   */
  async verifyCitation(citation: CitationInput, options: VerifyCitationOptions = {}): Promise<CitationCheck> {
    return verifyCitation(this, citation, options);
  }

  /** Stores a new fact with its vector; others that say the same are reported, never merged. */
  async addFact(fact: NewFact, options: DuplicateOptions = {}): Promise<AddedFact> {
    return addFact(this.#parts, fact, options);
  }

  /** Changes a fact, and its vector when its content changes. */
  async updateFact(
    factId: string,
    changes: FactChanges,
    options: ChangeFactOptions = {},
  ): Promise<AddedFact> {
    return updateFact(this.#parts, factId, changes, options);
  }

  /** Imports facts from JSON Lines: a path, or bytes piece by piece. One bad line never stops the rest. */
  async importFacts(
    source: string | AsyncIterable<Uint8Array | string>,
    options: ImportFactsOptions = {},
  ): Promise<FactImportReport> {
    return importFacts(this.#parts, source, options);
  }

  /** The facts nearest in meaning to a query or a vector, best first. */
  async searchFacts(request: FactSearchInput): Promise<FactAnswer> {
    const values = ({ hits }: FactAnswer) => ({ hits: hits.length });
    return recordQuery(this.recorder, { service: 'search_facts', request, values }, () =>
      searchFacts(this.#parts, request),
    );
  }

  /** Embeds the facts that have no vector of what they say, such as those of other programs. */
  async embedFacts(options: EmbedFactsOptions = {}): Promise<EmbedFactsReport> {
    return embedFacts(this.#parts, options);
  }

  /** The vector of a query, as `search` would make it. */
  async embedQuery(text: string): Promise<Float32Array> {
    return (await this.#parts.embedder()).embedQuery(text);
  }

  /** The vectors of document texts, in order, as `ingest` would make them. */
  async embedTexts(texts: readonly string[]): Promise<Float32Array[]> {
    return (await this.#parts.embedder()).embedTexts(texts);
  }

  /** Throws `manifest_mismatch` unless vectors of the model can be compared with the collection's; gives warnings. */
  async checkModel(collection: string): Promise<string[]> {
    return checkModel(await this.collections.getRecent(collection), await this.#parts.embedder());
  }

  /** The collection to add to, made with these settings when missing. Throws `manifest_mismatch` for another model. */
  async openCollection(name: string, settings: CollectionSettings = {}): Promise<Collection> {
    return openCollection(this.#parts, name, settings);
  }

  /** Creates a collection and its index. */
  async createCollection(name: string, settings: CollectionSettings = {}): Promise<Collection> {
    return createCollection(this.#parts, name, settings);
  }

  /** Makes more metadata fields of a collection filterable, for stored documents too; `warnings` tell where it cannot. */
  async addFields(collection: string, fields: readonly CollectionField[]): Promise<ExtendedCollection> {
    return addFields(this.#parts, collection, fields);
  }

  /** Indexes the words of a collection that was made before they were, or for another language; embeds nothing. */
  async indexWords(collection: string, options: { language?: AnalyserLanguage } = {}): Promise<Collection> {
    return indexWords(this.#parts, collection, options);
  }

  /**
   * Gives a collection another model, analyser, index or other chunks, built beside the live ones, which serve until the switch
   * and can be rolled back to; `finish` ends it.
   *
   * @example
   * const { comparison } = await lore.reindex('docs', { reembed: true, queries: 'queries.jsonl', buildOnly: true });
   * await lore.reindex('docs');
   * await lore.reindex('docs', { finish: true });
   */
  async reindex(collection: string, request: ReindexInput = {}): Promise<ReindexReport> {
    return reindex(this.#reindexParts, collection, request);
  }

  /**
   * Does the next thing there is to do for the indexes of `auto` collections, all that can be read unless named: searches and
   * ingests see to that by themselves. Gives what was done.
   */
  async tendIndexes(names?: readonly string[]): Promise<Record<string, Tended>> {
    const tended = names ?? (await this.collections.list()).items.map(({ name }) => name);
    return this.#tender.tend(tended);
  }

  /** Deletes a collection with all its documents; gives how many there were. */
  async dropCollection(name: string): Promise<number> {
    return dropCollection(this.#parts, name);
  }

  /**
   * What every collection holds, or those of these names that there are, and how its index is; no other database than
   * knowledge is asked. One whose record cannot be read, as a later version of stacklore wrote it, is named in `unreadable`.
   *
   * @example
   * const { items, unreadable } = await lore.listCollections();
   */
  async listCollections(names?: readonly string[]): Promise<CollectionStatuses> {
    return readCollections(this.#parts, names);
  }

  /** What the server, its search module and each collection's index say of themselves. */
  async status(): Promise<Status> {
    const { config } = this;
    const embedded = config.redisUrl === undefined && config.databases.knowledge?.url === undefined;
    const status = await readStatus(this.databases, { ...this.#parts, embedded, config });
    this.#tender.nudge(status.collections.map(({ name }) => name));
    return status;
  }

  /**
   * Starts a worker that hands the tasks of a queue to a handler, until it is stopped or stacklore is closed.
   *
   * @example
   * const worker = lore.startWorker('emails', async (task) => send(task.payload), { concurrency: 4 });
   * await worker.stop();
   */
  startWorker(queue: string, handler: TaskHandler, options: WorkerOptions = {}): QueueWorker {
    const worker = new QueueWorker(this.queues, queue, handler, options);
    this.#workers.add(worker);
    const forget = () => void this.#workers.delete(worker);
    worker.done.then(forget, forget);
    return worker;
  }

  /** Takes what programs around stacklore measure, beside what searches, contexts and ingests tell it. */
  get recorder(): Recorder {
    return this.#recorder ?? silentRecorder;
  }

  /** Closes connections and what embeds and renders; the embedded server goes on. Workers finish what they run first. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#workers].map((worker) => worker.stop()));
    await this.queues.close();
    await this.#tender.close();
    await this.#recorder?.close();
    const [embedder, reranker] = await Promise.all(
      [this.#embedder, this.#reranker].map((opened) => opened?.catch(() => undefined)),
    );
    try {
      await Promise.all([
        this.databases.close(),
        this.templates.close(),
        embedder?.close?.(),
        reranker?.close?.(),
      ]);
    } finally {
      await this.#hold.close();
    }
  }

  get #reindexParts(): ReindexParts {
    const parts = this.#parts;
    const { knowledge } = this.databases;
    return {
      ...parts,
      knowledge,
      reindexes: new Reindexes(knowledge),
      answer: async ({ collection, embedder }, request) => {
        const one = { ...parts, embedder, collections: { getRecent: async () => collection } };
        return (await search(one, { ...request, collection: collection.name })).hits;
      },
      openModel: ({ name, pooling, maxTokens, queryPrefix, documentPrefix }, dimensions) => {
        // The configured folder holds the configured model, not this one.
        const { dir: _, ...own } = this.config.model;
        const model = { ...own, name, pooling, maxTokens, queryPrefix, documentPrefix, dimensions };
        return openLocalEmbedder({ ...this.config, model });
      },
      graceMs: GRACE_MS,
    };
  }

  /** Records an ingest, and looks after the index that it makes grow. */
  #ingesting(
    request: TextIngestRequest,
    work: (parts: IngestParts) => Promise<IngestReport>,
  ): Promise<IngestReport> {
    const parts = { ...this.#parts, leases: this.#ingestLeases };
    return recordIngest(this.recorder, request, () =>
      this.#tender.during([request.collection ?? 'default'], () => work(parts)),
    );
  }

  get #parts(): CollectionParts & FactParts & Required<Pick<SearchParts, 'cursors' | 'reranker'>> {
    return {
      collections: this.collections,
      documents: this.documents,
      vectorIndex: this.#vectorIndex,
      cursors: new SearchCursors(this.databases.knowledge),
      facts: this.facts,
      factIndex: this.#factIndex,
      factBacklog: this.#factBacklog,
      embedder: () => {
        // A failed load is not remembered: the next call tries again, e.g. after the model was put in place.
        this.#embedder ??= this.#openEmbedder().catch((error: unknown) => {
          this.#embedder = undefined;
          throw error;
        });
        return this.#embedder;
      },
      reranker: () => {
        this.#reranker ??= this.#openReranker().catch((error: unknown) => {
          this.#reranker = undefined;
          throw error;
        });
        return this.#reranker;
      },
    };
  }
}
