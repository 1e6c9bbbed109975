import type { Block } from './document.ts';

/** What a format's parser finds; what it leaves out has a default. */
export interface Draft {
  readonly docId?: string;
  /** Follows the source and `#`: which row of it this is. */
  readonly row?: string;
  readonly title?: string | undefined;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly metadata?: Readonly<Record<string, unknown>>;
}
