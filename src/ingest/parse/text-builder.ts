import { normaliseText } from './decode-text.ts';
import type { Block } from './document.ts';
import { HeadingPath } from './heading-path.ts';

/** Puts a text together from the blocks of a format that has no text of its own, keeping their exact offsets. */
export class TextBuilder {
  readonly blocks: Block[] = [];
  readonly #path = new HeadingPath();
  readonly #parts: string[] = [];
  #length = 0;

  /** Characters put together so far. */
  get length(): number {
    return this.#length;
  }

  /** Everything added, with a blank line between blocks; rows and items of one list follow each other directly. */
  get text(): string {
    return this.#parts.join('');
  }

  /** Adds a heading and makes it the path of what follows. `text` is what stands in the text, e.g. `## Title`. */
  addHeading(
    level: number,
    title: string,
    { text = title, page }: { text?: string; page?: number } = {},
  ): void {
    const headings = this.#path.enter(level, normaliseText(title));
    this.#add({ kind: 'heading', text, headings, page });
  }

  /** Adds a block; one without visible text is left out. */
  add(kind: Block['kind'], text: string, page?: number): void {
    this.#add({ kind, text, headings: this.#path.current, page });
  }

  #add(block: {
    kind: Block['kind'];
    text: string;
    headings: readonly string[];
    page: number | undefined;
  }): void {
    const text = normaliseText(block.text).replace(/^\n+/, '').trimEnd();
    if (text.trim() === '') return;
    const previous = this.blocks.at(-1);
    const isTight =
      previous?.kind === block.kind && (block.kind === 'list-item' || block.kind === 'table-row');
    const gap = previous === undefined ? '' : isTight ? '\n' : '\n\n';
    const { kind, headings, page } = block;
    // The indentation of code belongs to it; that of a nested list item is only for the eye.
    const indent = kind === 'code' ? 0 : text.length - text.trimStart().length;
    const start = this.#length + gap.length + indent;
    this.#parts.push(gap, text);
    this.#length += gap.length + text.length;
    this.blocks.push({ kind, start, end: this.#length, headings, ...(page === undefined ? {} : { page }) });
  }
}
