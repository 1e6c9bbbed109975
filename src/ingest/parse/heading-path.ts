/** Longest heading kept in a path; longer ones are cut, since a path is repeated with every block below it. */
const MAX_HEADING_LENGTH = 200;

/** The headings above the current place, outermost first, as a document is read from top to bottom. */
export class HeadingPath {
  #levels: number[] = [];
  #titles: readonly string[] = [];

  /** The current path. Blocks below one heading share the same array. */
  get current(): readonly string[] {
    return this.#titles;
  }

  /** Enters a heading of a level (1 is outermost) and gives its path, its own title last. */
  enter(level: number, title: string): readonly string[] {
    const kept = this.#levels.findIndex((above) => above >= level);
    const depth = kept === -1 ? this.#levels.length : kept;
    this.#levels = [...this.#levels.slice(0, depth), level];
    this.#titles = [...this.#titles.slice(0, depth), cutHeading(title)];
    return this.#titles;
  }
}

/** A heading or title on one line, of bearable length. */
export function cutHeading(title: string): string {
  const line = title
    .slice(0, MAX_HEADING_LENGTH * 4)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= MAX_HEADING_LENGTH
    ? line
    : `${line
        .slice(0, MAX_HEADING_LENGTH - 1)
        .toWellFormed()
        .replace(/\ufffd$/, '')}…`;
}
