import { join } from 'node:path';
import { errorMessage, StackloreError } from '../errors.ts';
import { timestamp } from '../schema/fields.ts';
import type { Template } from '../schema/prompts.ts';
import type { SaveOutcome, UnreadablePrompt } from '../stores/prompts/stored-prompts.ts';
import type { SystemPrompts } from '../stores/prompts/system-prompts.ts';
import type { Templates } from '../stores/prompts/templates.ts';
import type { UserPrompts } from '../stores/prompts/user-prompts.ts';
import {
  booleanValue,
  formatPromptFile,
  listValue,
  namesValue,
  type PromptFile,
  stemOf,
  textValue,
} from './prompt-file.ts';

/** The three kinds of prompts. */
export const PROMPT_KINDS = ['system', 'template', 'user'] as const;
export type PromptKind = (typeof PROMPT_KINDS)[number];

/** The stores that hold them. */
export interface PromptParts {
  readonly systemPrompts: SystemPrompts;
  readonly templates: Templates;
  readonly userPrompts: UserPrompts;
}

/** Where the files of each kind lie, and what they end with. */
export const FOLDERS: Readonly<Record<PromptKind, { dir: string; extensions: readonly string[] }>> = {
  system: { dir: 'system', extensions: ['.md'] },
  template: { dir: 'templates', extensions: ['.jinja', '.j2'] },
  user: { dir: 'users', extensions: ['.md'] },
};

/** A stored prompt as a file, its path below the folder of the exchange. */
interface FileToWrite {
  readonly path: string;
  readonly text: string;
}

interface FilesOfKind {
  readonly items: FileToWrite[];
  readonly unreadable: UnreadablePrompt[];
}

const ALL = { limit: Number.MAX_SAFE_INTEGER };

/** Every stored prompt of a kind as a file, and those that cannot be read. */
export const PROMPT_FILES: Readonly<Record<PromptKind, (parts: PromptParts) => Promise<FilesOfKind>>> = {
  async system({ systemPrompts }) {
    const page = await systemPrompts.list(ALL);
    const items = page.items.map(({ promptName, content, createdAt, updatedAt, ...rest }) => {
      const { version, description, variables } = rest;
      const times = { created_at: timestamp.encode(createdAt), updated_at: timestamp.encode(updatedAt) };
      const values = { name: promptName, version, description, variables, ...times };
      return fileOf(join(FOLDERS.system.dir, `${stemOf(promptName)}.md`), { values, body: content });
    });
    return { items, unreadable: page.unreadable };
  },
  async template({ templates }) {
    const page = await templates.list(ALL);
    const items = page.items.map(({ templateName, template, category, examples, requiredVariables }) => {
      const values = { name: templateName, category, required_variables: requiredVariables, examples };
      return fileOf(join(FOLDERS.template.dir, `${stemOf(templateName)}.jinja`), { values, body: template });
    });
    return { items, unreadable: page.unreadable };
  },
  async user({ userPrompts }) {
    const page = await userPrompts.listAll(ALL);
    const items = page.items.map(({ userId, promptName, content, isPrivate, createdAt }) => {
      const values = {
        ...{ user_id: userId, name: promptName },
        ...{ is_private: isPrivate, created_at: timestamp.encode(createdAt) },
      };
      const path = join(FOLDERS.user.dir, stemOf(userId), `${stemOf(promptName)}.md`);
      return fileOf(path, { values, body: content });
    });
    return { items, unreadable: page.unreadable };
  },
};

/** What a save did, and what looks like a mistake in the prompt. */
export interface SavedFile {
  readonly outcome: SaveOutcome;
  readonly warnings?: readonly string[];
}

/** Saves what a file says as a prompt of its kind. */
export async function savePromptFile(
  parts: PromptParts,
  {
    kind,
    ids: { name, userId = '' },
    file,
    dryRun,
  }: { kind: PromptKind; ids: { name: string; userId?: string }; file: PromptFile; dryRun: boolean },
): Promise<SavedFile> {
  const content = file.body;
  if (kind === 'system') {
    const input = {
      content,
      ...present('description', textValue(file, 'description')),
      ...present('variables', namesValue(file, 'variables')),
      ...present('version', textValue(file, 'version')),
      ...present('createdAt', timeValue(file, 'created_at')),
      ...present('updatedAt', timeValue(file, 'updated_at')),
    };
    return parts.systemPrompts.save(name, input, { dryRun });
  }
  if (kind === 'template') {
    const examples = listValue(file, 'examples');
    const input = {
      template: content,
      ...present('category', textValue(file, 'category')),
      ...present('requiredVariables', namesValue(file, 'required_variables')),
      // YAML holds what JSON cannot, such as dates: only what is left as JSON is kept.
      ...present('examples', examples && toJson(examples)),
    };
    return parts.templates.save(name, input, { dryRun });
  }
  const input = {
    content,
    ...present('isPrivate', booleanValue(file, 'is_private')),
    ...present('createdAt', timeValue(file, 'created_at')),
  };
  return parts.userPrompts.save(userId, name, input, { dryRun });
}

function fileOf(path: string, file: PromptFile): FileToWrite {
  return { path, text: formatPromptFile(file) };
}

function toJson(examples: readonly unknown[]): Template['examples'] {
  try {
    return JSON.parse(JSON.stringify(examples)) as Template['examples']; // a list of what JSON has
  } catch (cause) {
    throw new StackloreError('parse_failed', {
      message: `The front matter cannot be used ("examples": ${errorMessage(cause)}). Correct the file.`,
      cause,
    });
  }
}

function timeValue(file: PromptFile, name: string): Date | undefined {
  const value = textValue(file, name);
  if (value === undefined) return undefined;
  try {
    return timestamp.decode(value);
  } catch (cause) {
    throw new StackloreError('parse_failed', {
      message: `The front matter cannot be used ("${name}": ${(cause as Error).message}). Correct the file.`,
      cause,
    });
  }
}

/** An object with this member, or without any when there is no value. */
function present<Name extends string, T>(name: Name, value: T | undefined): { [Key in Name]?: T } {
  // A computed name widens to `string`; it is the one that was given.
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: T });
}
