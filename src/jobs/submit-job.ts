import type { CollectionSettings } from '../ingest/collection-settings.ts';
import type { TextDocument } from '../ingest/ingest.ts';
import type { Stacklore } from '../stacklore.ts';
import type { IngestJob, NewIngestJob } from '../stores/main/ingest-jobs.ts';

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
}

/** A text as JSON gives it. */
type GivenText = { readonly [Name in keyof TextDocument]: TextDocument[Name] | undefined };

/** Queues the ingest of texts. */
export function submitTexts(
  lore: Stacklore,
  target: JobTarget,
  texts: readonly GivenText[],
): Promise<IngestJob> {
  return submitList(lore, target, { kind: 'texts', list: texts });
}

/** Queues the ingest of URLs. */
export function submitUrls(lore: Stacklore, target: JobTarget, urls: readonly URL[]): Promise<IngestJob> {
  return submitList(lore, target, { kind: 'urls', list: urls.map(({ href }) => href) });
}

async function submitList(
  lore: Stacklore,
  target: JobTarget,
  { kind, list }: { kind: 'texts' | 'urls'; list: readonly unknown[] },
): Promise<IngestJob> {
  const jobId = lore.ingestJobs.newId();
  const bytes = await lore.ingestJobs.addInput({ jobId, input: 0 }, [Buffer.from(JSON.stringify(list))]);
  const inputs = [{ name: kind, bytes }];
  return lore.ingestJobs.create({ jobId, kind, inputs, sources: list.length, ...recorded(target) });
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
    content: AsyncIterable<Uint8Array>,
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
}: JobTarget): Pick<NewIngestJob, 'owner' | 'collection' | 'settings' | 'userId' | 'qualifyIds'> {
  return { owner, collection, ...(settings && { settings }), userId, qualifyIds };
}
