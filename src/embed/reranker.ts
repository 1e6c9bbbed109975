/** Says how well texts answer a query by reading each of them together with it. */
export interface Reranker {
  /** One finite score a text, in order: larger is better, comparable within one call. */
  rerank(query: string, texts: readonly string[]): Promise<readonly number[]>;
  /** Ends what it runs on; called when stacklore is closed. */
  close?(): Promise<void>;
}
