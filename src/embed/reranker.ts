/** Says how well texts answer a query by reading each of them together with it. */
export interface Reranker {
  /** Model and version, by which cached answers are told apart; those of a reranker without a name are not cached. */
  readonly name?: string;
  /** One finite score a text, in order: larger is better, whichever of several queries it is asked with. */
  rerank(query: string, texts: readonly string[]): Promise<readonly number[]>;
  /** Ends what it runs on; called when stacklore is closed. */
  close?(): Promise<void>;
}
