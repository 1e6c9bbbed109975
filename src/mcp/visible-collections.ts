import { RecordError, StackloreError } from '../errors.ts';
import type { Stacklore } from '../stacklore.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { StoredDocument } from '../stores/knowledge/document.ts';

/** The collections that a client may know of. One that is not among them is, in every answer, as if absent. */
export class VisibleCollections {
  readonly #lore: Stacklore;
  readonly #names: ReadonlySet<string> | undefined;
  readonly #onChange: () => void;
  #told: string | undefined;

  /** With no names given, all collections are visible, also those made later. `onChange`: what was told is out of date. */
  constructor(lore: Stacklore, { names, onChange }: { names?: readonly string[]; onChange: () => void }) {
    this.#lore = lore;
    this.#names = names && new Set(names);
    this.#onChange = onChange;
  }

  /** Whether there are collections that the client must not know of. */
  get isNarrowed(): boolean {
    return this.#names !== undefined;
  }

  /** Those that exist, by name; one whose record cannot be read is left out. */
  async list(): Promise<Collection[]> {
    const visible = await this.read();
    const isNews = this.#told !== undefined && this.#told !== summaryOf(visible);
    this.#told = summaryOf(visible);
    if (isNews) this.#onChange();
    return visible;
  }

  /** The same list for one who tells the client of it, by `told`. */
  async read(): Promise<Collection[]> {
    const { items } = await this.#lore.collections.list();
    return items.filter(({ name }) => this.includes(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Notes down what the client knows from now on. */
  told(visible: readonly Collection[]): void {
    this.#told = summaryOf(visible);
  }

  /** Whether a collection of this name may be seen, should it exist. */
  includes(name: string): boolean {
    return this.#names?.has(name) ?? true;
  }

  /** The names given that are not among these. */
  missing(visible: readonly Collection[]): string[] {
    return [...(this.#names ?? [])].filter((name) => !visible.some((one) => one.name === name));
  }

  /** The named collections or, with no names, all that can be searched by text. Throws `not_found`. */
  async choose(names?: readonly string[]): Promise<[Collection, ...Collection[]]> {
    const visible = await this.list();
    const [first, ...others] = names
      ? names.map((name) => visible.find((one) => one.name === name) ?? absent(name, visible))
      : visible.filter(({ manifest }) => manifest.model !== null);
    if (first) return [first, ...others];
    throw new StackloreError('not_found', { message: `There is nothing to search. ${namesOf(visible)}` });
  }

  /** The named collection. Throws `not_found`. */
  async get(name: string): Promise<Collection> {
    return (await this.choose([name]))[0];
  }

  /** A document of a visible collection, or `undefined`. */
  async findDocument(docId: string): Promise<StoredDocument | undefined> {
    const document = await this.#lore.documents.find(docId).catch((error: unknown) => {
      // Whose a broken document is cannot be told.
      if (error instanceof RecordError && this.isNarrowed) return undefined;
      throw error;
    });
    // Documents of other programs may belong to no collection: only who sees all of them sees those.
    return document && (!this.#names || this.includes(document.collection ?? '')) ? document : undefined;
  }

  /** A document of a visible collection. Throws `not_found`. */
  async getDocument(docId: string): Promise<StoredDocument> {
    const document = await this.findDocument(docId);
    if (document) return document;
    throw new StackloreError('not_found', {
      message: `There is no document "${docId}". Hits and citations tell the ids.`,
    });
  }
}

/** What descriptions and lists tell of collections. */
function summaryOf(visible: readonly Collection[]): string {
  return JSON.stringify(visible.map(({ name, manifest }) => [name, manifest.fields]));
}

function absent(name: string, visible: readonly Collection[]): never {
  throw new StackloreError('not_found', {
    message: `There is no collection "${name}". ${namesOf(visible)}`,
  });
}

function namesOf(visible: readonly Collection[]): string {
  if (visible.length === 0) return 'There are no collections yet.';
  return `There are: ${visible.map(({ name }) => name).join(', ')}.`;
}
