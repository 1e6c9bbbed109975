import { RecordError, StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { asObject } from '../../redis/hash.ts';
import { runScript } from '../../redis/script.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import type { Wire } from '../../schema/fields.ts';
import { slotText } from '../../schema/key.ts';
import { parsePromptInput, type SystemPromptInput, systemPromptInput } from '../../schema/prompt-input.ts';
import {
  type PromptVersion,
  promptHistoryRecord,
  type SystemPrompt,
  systemPromptRecord,
} from '../../schema/prompts.ts';
import { fillPlaceholders } from './placeholders.ts';
import { SAVE_SYSTEM_PROMPT } from './scripts/save-system-prompt.ts';
import {
  deletePrompt,
  type PageOptions,
  type PromptPage,
  pagePrompts,
  promptKeys,
  readFields,
  type SaveOutcome,
  type UnreadablePrompt,
} from './stored-prompts.ts';
import { checkedVariables, nextVersionOf, warningsOf } from './system-prompt-version.ts';

/** A system prompt with its name. */
export interface StoredSystemPrompt extends SystemPrompt {
  readonly promptName: string;
}

/** A system prompt after a save, what the save did, and what looks like a mistake in its text. */
export interface SavedSystemPrompt extends StoredSystemPrompt {
  readonly outcome: SaveOutcome;
  readonly warnings: string[];
}

/** How a system prompt is saved. */
export interface SaveSystemPromptOptions {
  /** Saves only if this version is stored now; without it, the new version follows whatever is stored. */
  readonly expectedVersion?: string;
  /** Checks everything and writes nothing. */
  readonly dryRun?: boolean;
}

/** The versions of a prompt, the current one first, and those that cannot be read. */
export interface PromptHistory {
  readonly versions: PromptVersion[];
  readonly unreadable: UnreadablePrompt[];
}

interface ReadPrompt {
  readonly value: SystemPrompt;
  readonly wire: Readonly<Record<string, string>>;
}

/** Each lost race means that another saver won one, so that many savers at once all come through. */
const ATTEMPTS = 500;

/** The versioned system prompts with their `{{placeholders}}`. */
export class SystemPrompts {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, { now = Date.now }: { now?: () => number } = {}) {
    this.#database = database;
    this.#now = now;
  }

  /** The current version of a prompt, or `undefined`. */
  async find(promptName: string): Promise<StoredSystemPrompt | undefined> {
    const { stored } = await this.#read(promptName);
    return stored && { promptName, ...stored.value };
  }

  /** The current version of a prompt. Throws `not_found`. */
  async get(promptName: string): Promise<StoredSystemPrompt> {
    const prompt = await this.find(promptName);
    if (prompt) return prompt;
    throw notFound(promptName);
  }

  /** All prompts by name; those that cannot be read are named beside them. */
  async list(options: PageOptions = {}): Promise<PromptPage<StoredSystemPrompt>> {
    const { key } = systemPromptRecord;
    const keys = await promptKeys(this.#database, [key.pattern], (one) => key.parse(one) !== undefined);
    return pagePrompts(this.#database, systemPromptRecord, {
      keys,
      options,
      toItem: (value, at) => ({ promptName: key.parse(at)?.promptName ?? '', ...value }),
    });
  }

  /**
   * Saves a prompt as a new version: the given one, which must be larger than the stored one, or the next patch. The
   * version it replaces goes into the history. An equal prompt is left as it is. Throws `invalid_input` for variables
   * that do not fit the text, and `already_exists` when another version than the expected one is stored.
   */
  async save(
    promptName: string,
    input: SystemPromptInput,
    { expectedVersion, dryRun = false }: SaveSystemPromptOptions = {},
  ): Promise<SavedSystemPrompt> {
    const checked = parsePromptInput(systemPromptInput, input);
    const variables = checkedVariables(promptName, checked);
    const warnings = warningsOf(checked.content);
    let refused: ReadPrompt | undefined;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const { key, stored } = await this.#read(promptName);
      checkExpected(promptName, stored?.value, expectedVersion);
      if (refused && stored && isSameWire(refused, stored)) throw notText(key);
      const now = new Date(this.#now());
      const value = nextVersionOf(promptName, checked, { variables, stored: stored?.value, now });
      // A change always takes another version.
      if (stored && stored.value.version === value.version) {
        return { promptName, ...stored.value, outcome: 'unchanged', warnings };
      }
      const outcome = stored ? 'updated' : 'created';
      if (dryRun || (await this.#write(promptName, { key, stored, value }))) {
        return { promptName, ...value, outcome, warnings };
      }
      refused = stored;
    }
    throw new StackloreError('busy', {
      message: `System prompt "${promptName}" is being saved by many writers at once. Try again.`,
    });
  }

  /**
   * The versions of a prompt, the current one first; at most 100 earlier ones are kept. What cannot be read is named
   * beside them. Throws `not_found`.
   */
  async history(promptName: string): Promise<PromptHistory> {
    const current = await this.get(promptName);
    const key = promptHistoryRecord.key.buildOn(this.#database, { promptName });
    const elements = await this.#send<string[]>(['LRANGE', key, '0', '-1'], key, 'list');
    const versions = [toVersion(current)];
    const unreadable: UnreadablePrompt[] = [];
    for (const [at, element] of elements.entries()) {
      try {
        versions.push(promptHistoryRecord.element.decode(element));
      } catch (error) {
        const { message } = new RecordError(key, [
          { field: `element ${at}`, message: (error as Error).message },
        ]);
        unreadable.push({ key, message });
      }
    }
    return { versions, unreadable };
  }

  /** A version of a prompt, the current one or one of its history. Throws `not_found`. */
  async getVersion(promptName: string, version: string): Promise<PromptVersion> {
    const { versions } = await this.history(promptName);
    const found = versions.find((one) => one.version === version);
    if (found) return found;
    throw new StackloreError('not_found', {
      message: `System prompt "${promptName}" has no version "${version}". It has ${versions.map((one) => one.version).join(', ')}.`,
    });
  }

  /** Makes an earlier version current again, as a new version, so that the history only grows. Throws `not_found`. */
  async rollback(promptName: string, version: string): Promise<SavedSystemPrompt> {
    const { content, description } = await this.getVersion(promptName, version);
    return this.save(promptName, { content, description });
  }

  /** The text of a prompt with its placeholders filled. Throws `invalid_input` naming all missing variables. */
  async render(promptName: string, variables: Readonly<Record<string, unknown>> = {}): Promise<string> {
    return fillPlaceholders((await this.get(promptName)).content, variables);
  }

  /** Deletes a prompt with its history. Throws `not_found`. */
  async delete(promptName: string): Promise<void> {
    const keys = systemPromptRecord.key.candidates({ promptName });
    const history = promptHistoryRecord.key.buildOn(this.#database, { promptName });
    if (!(await deletePrompt(this.#database, keys, history))) throw notFound(promptName);
  }

  async #read(promptName: string): Promise<{ key: string; stored: ReadPrompt | undefined }> {
    const keys = systemPromptRecord.key.candidates({ promptName });
    for (const key of keys) {
      const reply = await readFields(this.#database, key);
      if (reply.length === 0) continue;
      const wire = asObject(reply);
      return { key, stored: { value: systemPromptRecord.decode(wire, key), wire } };
    }
    return { key: keys.at(-1) ?? '', stored: undefined };
  }

  async #write(
    promptName: string,
    { key, stored, value }: { key: string; stored: ReadPrompt | undefined; value: SystemPrompt },
  ): Promise<boolean> {
    const history = promptHistoryRecord.key.buildOn(this.#database, { promptName });
    if (this.#database.isCluster && slotText(key) !== slotText(history)) throw notEscaped(promptName, key);
    const wire = stored?.wire ?? {};
    const earlier = stored ? promptHistoryRecord.element.encode(toVersion(stored.value)) : '';
    const read = COMPARED.map((name) => wire[name] ?? '');
    try {
      const saved = await runScript<number>(this.#database, SAVE_SYSTEM_PROMPT, {
        keys: [key, history],
        args: [earlier, ...read, ...changedFields(systemPromptRecord.encode(value, key), wire)],
      });
      return saved === 1;
    } catch (error) {
      throw await namedWrongType(
        this.#database,
        error,
        new Map([[key, 'hash'] as const, [history, 'list'] as const]),
      );
    }
  }

  async #send<T>(command: string[], key: string, type: 'list'): Promise<T> {
    try {
      return await this.#database.send<T>(command);
    } catch (error) {
      throw await namedWrongType(this.#database, error, new Map([[key, type]]));
    }
  }
}

function checkExpected(
  promptName: string,
  stored: SystemPrompt | undefined,
  expected: string | undefined,
): void {
  if (expected === undefined || stored?.version === expected) return;
  const found = stored ? `version ${stored.version} is stored` : 'it is not stored';
  throw new StackloreError('already_exists', {
    message: `System prompt "${promptName}" was expected at version ${expected}, but ${found}. Read it again, then repeat the change.`,
  });
}

function toVersion({ version, content, description, variables, updatedAt }: SystemPrompt): PromptVersion {
  return { version, content, description, variables, updatedAt: updatedAt.toISOString() };
}

/** What a save compares with what is stored, as text. */
const COMPARED = ['version', 'content', 'description', 'variables'];

/** Names and values in turn, without those that are stored already. */
function changedFields(fields: readonly Wire[], wire: ReadPrompt['wire']): Wire[] {
  return fields.filter((_, at) => {
    const place = at - (at % 2);
    return wire[String(fields[place])] !== fields[place + 1];
  });
}

function isSameWire(one: ReadPrompt, other: ReadPrompt): boolean {
  return COMPARED.every((name) => one.wire[name] === other.wire[name]);
}

/** Nobody changed it, and yet it is not what was read: bytes that are no UTF-8 are read as other ones. */
function notText(key: string): RecordError {
  return new RecordError(key, [{ field: 'content', message: 'it is not UTF-8 text' }]);
}

/** A script takes keys of one slot only, and the history lies in that of the key we would give the prompt. */
function notEscaped(promptName: string, key: string): StackloreError {
  return new StackloreError('invalid_input', {
    message: `System prompt "${promptName}" was stored by another program as "${key}", beside which no history can lie on a cluster. Rename that key, or save under another name.`,
  });
}

function notFound(promptName: string): StackloreError {
  return new StackloreError('not_found', {
    message: `There is no system prompt "${promptName}". See stacklore prompts list for the names.`,
  });
}
