import type { CollectionSettings } from '../ingest/collection-settings.ts';
import type { TextDocument } from '../ingest/ingest.ts';
import type { Stacklore } from '../stacklore.ts';
import type { IngestJob, NewIngestJob } from '../stores/main/ingest-jobs.ts';
import { inParts, MOST_UNSHARED, partSizes } from './parts.ts';

/** What a job is made for: whose it is, and where its documents go. */
export interface JobTarget {
  /** The id of an API key, or `open`. */
  readonly owner: string;
  readonly collection: string;
  readonly settings?: CollectionSettings | undefined;
  /** Whose usage it counts for. */
  readonly userId?: string | undefined;
  /** See `TextIngestRequest`. */
  readonly qualifyIds: boolean;
  readonly options?: IngestJob['options'];
}

/** A text as JSON gives it. */
type GivenText = { readonly [Name in keyof TextDocument]: TextDocument[Name] | undefined };

/** Queues the ingest of texts, in lists that workers share. */
export function submitTexts(
  lore: Stacklore,
  target: JobTarget,
  texts: readonly GivenText[],
): Promise<IngestJob> {
  const names = texts.flatMap(({ source, docId }) => [
    `source ${source}`,
    ...(docId === undefined ? [] : [docId]),
  ]);
  // Of two texts of one document the later one has to win.
  const isShared = texts.length > MOST_UNSHARED && new Set(names).size === names.length;
  const lists = isShared ? inParts(texts, partSizes(texts.length)) : [texts];
  return submitLists(lore, target, { kind: 'texts', lists });
}

/** Queues the ingest of URLs. */
export function submitUrls(lore: Stacklore, target: JobTarget, urls: readonly URL[]): Promise<IngestJob> {
  return submitLists(lore, target, { kind: 'urls', lists: [urls.map(({ href }) => href)] });
}

/** Queues the ingest of paths, folders, patterns and URLs as workers see them. */
export function submitSources(
  lore: Stacklore,
  target: JobTarget,
  sources: readonly string[],
): Promise<IngestJob> {
  return submitLists(lore, target, { kind: 'sources', lists: [sources] });
}

async function submitLists(
  lore: Stacklore,
  target: JobTarget,
  { kind, lists }: { kind: 'texts' | 'urls' | 'sources'; lists: readonly (readonly unknown[])[] },
): Promise<IngestJob> {
  const jobId = lore.ingestJobs.newId();
  const inputs: { name: string; bytes: number }[] = [];
  for (const [input, list] of lists.entries()) {
    const bytes = await lore.ingestJobs.addInput({ jobId, input }, [Buffer.from(JSON.stringify(list))]);
    inputs.push({ name: kind, bytes });
  }
  const sources = lists.reduce((sum, { length }) => sum + length, 0);
  return lore.ingestJobs.create({ jobId, kind, inputs, sources, ...recorded(target) });
}

/**
 * Files on their way into a job: they are stored as they come, so that none is ever held whole, and queued together.
 */
export class Upload {
  readonly #lore: Stacklore;
  readonly #jobId: string;
  readonly #files: { readonly name: string; readonly mediaType?: string; readonly bytes: number }[] = [];

  constructor(lore: Stacklore) {
    this.#lore = lore;
    this.#jobId = lore.ingestJobs.newId();
  }

  /** The names of the files that are stored. */
  get names(): readonly string[] {
    return this.#files.map(({ name }) => name);
  }

  /** Stores a file as it comes. */
  async add(
    { name, mediaType }: { readonly name: string; readonly mediaType?: string },
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> {
    const input = this.#files.length;
    const file = { name, ...(mediaType !== undefined && { mediaType }) };
    this.#files.push({ ...file, bytes: 0 });
    const bytes = await this.#lore.ingestJobs.addInput({ jobId: this.#jobId, input }, content);
    this.#files[input] = { ...file, bytes };
  }

  /** Queues the ingest of the files. */
  submit(target: JobTarget): Promise<IngestJob> {
    return this.#lore.ingestJobs.create({
      ...{ jobId: this.#jobId, kind: 'files', inputs: this.#files, sources: this.#files.length },
      ...recorded(target),
    });
  }

  /** Deletes what was stored. */
  discard(): Promise<void> {
    return this.#lore.ingestJobs.deleteInputs(this.#jobId, this.#files.length);
  }
}

function recorded({
  owner,
  collection,
  settings,
  userId,
  qualifyIds,
  options,
}: JobTarget): Pick<NewIngestJob, 'owner' | 'collection' | 'settings' | 'options' | 'userId' | 'qualifyIds'> {
  return {
    owner,
    collection,
    ...(settings && { settings }),
    ...(options && { options }),
    userId,
    qualifyIds,
  };
}
