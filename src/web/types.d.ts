// What the server answers, as far as the page reads it.

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Highlights {
  readonly matchedWords: readonly Span[];
  readonly nearestSentence?: Span;
}

export interface Hit {
  readonly chunkId: string;
  readonly docId: string;
  readonly collection: string;
  readonly text: string;
  readonly score: number;
  readonly vectorScore: number;
  readonly textScore?: number;
  readonly matchedTerms?: readonly string[];
  readonly source: string;
  readonly title: string;
  readonly headings: readonly string[];
  readonly page?: number;
  readonly highlights?: Highlights;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface SearchAnswer {
  readonly hits: readonly Hit[];
  readonly warnings: readonly string[];
  readonly mode: string;
  readonly facets?: Readonly<Record<string, readonly { value: string; count: number }[]>>;
  /** The earlier question that this answer was given to. */
  readonly earlier?: { readonly query: string; readonly similarity: number };
}

export interface Field {
  readonly name: string;
  readonly type: 'tag' | 'number';
}

export interface CollectionStatus {
  readonly name: string;
  readonly documents: number;
  readonly chunks: number | null;
  readonly model: string | null;
  readonly indexState: string;
}

export interface DocumentEntry {
  readonly docId: string;
  readonly title: string;
  readonly source: string;
  readonly contentType: string;
  readonly updatedAt: string;
  readonly createdAt: string;
  readonly chunkCount: number;
  readonly wordCount: number;
  readonly collection?: string;
}

export interface Chunk {
  readonly chunkId: string;
  readonly index: number;
  readonly text: string;
  readonly start?: number;
  readonly end?: number;
  readonly headings: readonly string[];
  readonly page?: number;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly total: number;
}

export interface DocumentPage extends Page<DocumentEntry> {
  readonly isTotalExact: boolean;
  readonly next?: string;
}

export interface Job {
  readonly jobId: string;
  readonly collection: string;
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly createdAt: string;
  readonly progress: {
    readonly sources: number;
    readonly done: number;
    readonly failed: number;
    readonly chunks: number;
  };
  readonly report?: {
    readonly counts: Readonly<Record<string, number>>;
    readonly chunks: number;
    readonly problems: readonly {
      readonly source: string;
      readonly status: string;
      readonly reason?: string;
    }[];
  };
  readonly error?: { readonly message: string };
}

export interface MapPoint {
  readonly chunkId: string;
  readonly docId: string;
  readonly title: string;
  readonly x: number;
  readonly y: number;
}

export interface CollectionMap {
  readonly points: readonly MapPoint[];
  readonly query?: { readonly x: number; readonly y: number };
  readonly hits?: readonly { readonly chunkId: string; readonly x: number; readonly y: number }[];
  readonly documents: number;
  readonly chunks: number;
  readonly explainedVariance: { readonly x: number; readonly y: number };
  readonly warnings: readonly string[];
}

/** What every view gets: how to ask the server, and how to speak to the person. */
export interface Shell {
  readonly api: Api;
  /** Says something in the polite live region. */
  say(text: string): void;
  navigate(view: string, parameters?: Record<string, string>, options?: { replace?: boolean }): void;
  /** Highlights of hits that were shown, for the document they are opened in. */
  readonly seen: Map<string, Highlights>;
}

export interface View {
  readonly title: string;
  readonly element: HTMLElement;
  /** Called each time the view is shown, with what its address says, and when the server is back. */
  show(parameters: URLSearchParams): void | Promise<void>;
  hide?(): void;
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

export interface Api {
  get<Answer>(path: string, options?: RequestOptions): Promise<Answer>;
  post<Answer>(path: string, options?: RequestOptions): Promise<Answer>;
  delete<Answer>(path: string, options?: RequestOptions): Promise<Answer>;
  /** The answer itself, for streams and headers. */
  send(method: string, path: string, options?: RequestOptions): Promise<Response>;
}

export interface ContextAnswer {
  readonly text: string;
  readonly tokens: number;
  readonly citations: readonly {
    readonly number: number;
    readonly docId: string;
    readonly source: string;
    readonly title: string;
    readonly headings: readonly string[];
    readonly chunkIds: readonly string[];
  }[];
  readonly omitted: readonly unknown[];
  readonly messages?: readonly { readonly role: string; readonly content: string }[];
  readonly warnings: readonly string[];
}

export interface MetricName {
  readonly service: string;
  readonly metricName: string;
}

export interface MetricBucket {
  readonly bucket: string;
  readonly count: number;
  readonly avg: number;
  readonly min: number;
  readonly max: number;
}

export interface DailyUsage {
  readonly date: string;
  readonly requests: number;
  readonly kbQueries: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
}

export interface ErrorCount {
  readonly date: string;
  readonly errorType: string;
  readonly count: number;
}

export interface Status {
  readonly server: {
    readonly version: string;
    readonly searchModule: string;
    readonly usedMemoryBytes: number;
    readonly peakMemoryBytes: number;
    readonly uptimeSeconds: number;
    readonly persistence: string;
    readonly evictionPolicy: string;
  };
  readonly databases: Readonly<
    Record<string, { readonly keys?: number; readonly error?: { message: string } }>
  >;
  readonly collections: readonly CollectionStatus[];
}

export interface Diagnosis {
  readonly findings: readonly {
    readonly severity: 'error' | 'warning';
    readonly what: string;
    readonly why: string;
    readonly fix: string;
  }[];
}

export interface KeysReport {
  readonly keys: number;
  readonly bytes: number;
  readonly families: readonly {
    readonly family: string;
    readonly database: string;
    readonly keys: number;
    readonly bytes: number;
    readonly largestBytes: number;
    readonly ttl: { readonly missing: number; readonly expiring: number };
  }[];
  readonly unknown: readonly { readonly prefix: string; readonly keys: number; readonly bytes: number }[];
  readonly biggest: readonly { readonly key: string; readonly type: string; readonly bytes: number }[];
}
