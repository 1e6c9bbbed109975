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
  readonly semantic?: { readonly query: string; readonly similarity: number };
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
  readonly headings: readonly string[];
  readonly page?: number;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly total: number;
}

export interface Job {
  readonly jobId: string;
  readonly collection: string;
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly createdAt: string;
  readonly progress: { readonly sources: number; readonly done: number; readonly chunks: number };
  readonly report?: {
    readonly counts: Readonly<Record<string, number>>;
    readonly chunks: number;
    readonly problems: readonly {
      readonly source: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
      readonly error?: { readonly message: string };
    }[];
  };
  readonly error?: { readonly message: string } | string;
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
  readonly explained?: number | readonly number[];
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
  readonly signal?: AbortSignal;
}

export interface Api {
  get<Answer>(path: string, options?: RequestOptions): Promise<Answer>;
  post<Answer>(path: string, options?: RequestOptions): Promise<Answer>;
  delete<Answer>(path: string, options?: RequestOptions): Promise<Answer>;
  /** The answer itself, for streams and headers. */
  send(method: string, path: string, options?: RequestOptions): Promise<Response>;
}
