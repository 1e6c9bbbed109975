import { RecordError, StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { expected } from '../../redis/expected.ts';
import { runScript } from '../../redis/script.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import { parsePromptInput, type UserPromptInput, userPromptInput } from '../../schema/prompt-input.ts';
import { type UserPrompt, userPromptRecord } from '../../schema/prompts.ts';
import { SAVE_USER_PROMPT } from './scripts/save-user-prompt.ts';
import {
  deletePrompt,
  findPrompt,
  type PageOptions,
  type PromptPage,
  pagePrompts,
  promptKeys,
  type SaveOutcome,
} from './stored-prompts.ts';

/** A prompt of a user with its name. */
export interface StoredUserPrompt extends UserPrompt {
  readonly userId: string;
  readonly promptName: string;
}

/** A prompt of a user after a save, and what the save did. */
export interface SavedUserPrompt extends StoredUserPrompt {
  readonly outcome: SaveOutcome;
}

/** Who asks. */
export interface ViewerOptions {
  /** The user who reads; the owner when left out. */
  readonly viewer?: string;
}

/** The prompts of users. To anyone but its owner, a private prompt is not there. */
export class UserPrompts {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, { now = Date.now }: { now?: () => number } = {}) {
    this.#database = database;
    this.#now = now;
  }

  /** A user's prompt as the viewer sees it, or `undefined`. */
  async find(
    userId: string,
    promptName: string,
    options: ViewerOptions = {},
  ): Promise<StoredUserPrompt | undefined> {
    const viewer = viewerOf(options, userId);
    const keys = userPromptRecord.key.candidates({ userId, promptName });
    try {
      const found = await findPrompt(this.#database, userPromptRecord, keys);
      if (!found || !isVisible(found.value, { userId, viewer })) return undefined;
      return { userId, promptName, ...found.value };
    } catch (error) {
      // Who may read a broken record cannot be told: only its owner hears of it.
      if (error instanceof RecordError && viewer !== userId) return undefined;
      throw error;
    }
  }

  /** A user's prompt as the viewer sees it. Throws `not_found`, also for a private prompt of another user. */
  async get(userId: string, promptName: string, options: ViewerOptions = {}): Promise<StoredUserPrompt> {
    const prompt = await this.find(userId, promptName, options);
    if (prompt) return prompt;
    throw notFound(userId, promptName);
  }

  /** The prompts of a user that the viewer may read, by name. */
  async list(
    userId: string,
    options: ViewerOptions & PageOptions = {},
  ): Promise<PromptPage<StoredUserPrompt>> {
    const viewer = viewerOf(options, userId);
    const keys = await this.#keysOf(userId);
    const page = await pagePrompts(this.#database, userPromptRecord, {
      keys,
      options,
      toItem: (value, at) => ({
        ...{ userId, promptName: userPromptRecord.key.parse(at)?.promptName ?? '' },
        ...value,
      }),
      ...(viewer === userId ? {} : { accepts: ({ isPrivate }) => !isPrivate }),
    });
    return viewer === userId ? page : { ...page, unreadable: [] };
  }

  /** The prompts of all users, private ones too, by user and name: for an export, not for a user. */
  async listAll(options: PageOptions = {}): Promise<PromptPage<StoredUserPrompt>> {
    const { key } = userPromptRecord;
    const keys = await promptKeys(this.#database, [key.pattern], (one) => key.parse(one) !== undefined);
    return pagePrompts(this.#database, userPromptRecord, {
      keys,
      options,
      toItem: (value, at) => ({ ...(key.parse(at) ?? { userId: '', promptName: '' }), ...value }),
    });
  }

  /**
   * Saves a user's prompt, for its owner; its creation time stays. Throws `record_invalid` with nothing written when what
   * stays of the stored one cannot be read.
   */
  async save(
    userId: string,
    promptName: string,
    input: UserPromptInput,
    { dryRun = false }: { readonly dryRun?: boolean } = {},
  ): Promise<SavedUserPrompt> {
    const checked = parsePromptInput(userPromptInput, input);
    if (dryRun) return this.#trySave(userId, promptName, checked);
    const { content, isPrivate, createdAt = new Date(this.#now()) } = checked;
    const keys = userPromptRecord.key.candidates({ userId, promptName });
    const { fields } = userPromptRecord;
    const wireContent = fields.content.encode(content);
    const wirePrivate = isPrivate === undefined ? undefined : String(fields.isPrivate.encode(isPrivate));
    const wireCreatedAt = String(fields.createdAt.encode(createdAt));
    for (;;) {
      const { key, isPrivate: oldPrivate, createdAt: oldCreatedAt } = await this.#placeOf(keys);
      const after = {
        content: String(wireContent),
        is_private: wirePrivate ?? oldPrivate?.toString() ?? String(fields.isPrivate.encode(true)),
        created_at: oldCreatedAt?.toString() ?? wireCreatedAt,
      };
      const prompt = { userId, promptName, ...userPromptRecord.decode(after, key) };
      const args = [expected(oldPrivate), expected(oldCreatedAt)];
      const before = await runScript<[string | null] | null>(this.#database, SAVE_USER_PROMPT, {
        keys: [key],
        args: [...args, after.content, after.is_private, after.created_at],
        isConfirmed: true,
      }).catch(async (error: unknown) => {
        throw await namedWrongType(this.#database, error, new Map([[key, 'hash']]));
      });
      // Somebody has changed or deleted it since it was read.
      if (before === null) continue;
      const [oldContent] = before;
      const isSame = oldContent === after.content && oldPrivate?.toString() === after.is_private;
      const outcome = isSame ? 'unchanged' : typeof oldContent === 'string' ? 'updated' : 'created';
      return { ...prompt, outcome };
    }
  }

  /** Where a prompt is stored or is to be, and what a save may leave as it is. */
  async #placeOf(keys: readonly string[]) {
    const replies = await this.#database
      .pipeline<number | (Buffer | null)[]>(
        keys.flatMap((key) => [
          ['EXISTS', key],
          ['HMGET', key, 'is_private', 'created_at'],
        ]),
        { buffers: true },
      )
      .catch(async (error: unknown) => {
        throw await namedWrongType(this.#database, error, new Map(keys.map((key) => [key, 'hash'])));
      });
    const found = keys.findIndex((_, at) => replies[2 * at] === 1);
    const at = found < 0 ? keys.length - 1 : found;
    const [isPrivate, createdAt] = replies[2 * at + 1] as (Buffer | null)[]; // What HMGET gives.
    return { key: keys[at] ?? '', isPrivate, createdAt };
  }

  /** Deletes a user's prompt, for its owner. Throws `not_found`. */
  async delete(userId: string, promptName: string): Promise<void> {
    const keys = userPromptRecord.key.candidates({ userId, promptName });
    if (!(await deletePrompt(this.#database, keys))) throw notFound(userId, promptName);
  }

  async #trySave(
    userId: string,
    promptName: string,
    { content, isPrivate, createdAt = new Date(this.#now()) }: UserPromptInput,
  ): Promise<SavedUserPrompt> {
    const stored = await this.find(userId, promptName);
    const value = {
      content,
      isPrivate: isPrivate ?? stored?.isPrivate ?? true,
      createdAt: stored?.createdAt ?? createdAt,
    };
    const isSame = stored?.content === content && stored.isPrivate === value.isPrivate;
    return { userId, promptName, ...value, outcome: isSame ? 'unchanged' : stored ? 'updated' : 'created' };
  }

  #keysOf(userId: string): Promise<string[]> {
    const { key } = userPromptRecord;
    return promptKeys(this.#database, key.patternsOf({ userId }), (one) => key.parse(one)?.userId === userId);
  }
}

function isVisible(
  { isPrivate }: UserPrompt,
  { userId, viewer }: { userId: string; viewer: string },
): boolean {
  return !isPrivate || viewer === userId;
}

/** The user who reads. A program that does not know who that is must not become the owner by leaving it open. */
function viewerOf(options: ViewerOptions, userId: string): string {
  if (!('viewer' in options)) return userId;
  if (typeof options.viewer === 'string') return options.viewer;
  throw new StackloreError('invalid_input', {
    message:
      'The viewer is not known. Give the id of the user who reads, or leave viewer out to read as the owner.',
  });
}

function notFound(userId: string, promptName: string): StackloreError {
  return new StackloreError('not_found', {
    message: `User "${userId}" has no prompt "${promptName}" that you may read. See stacklore prompts list --kind user --user ${userId}.`,
  });
}
