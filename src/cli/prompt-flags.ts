import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { z } from 'zod';
import { errorMessage, StackloreError } from '../errors.ts';
import type { PromptKind } from '../maintenance/prompt-kinds.ts';
import type { Stacklore } from '../stacklore.ts';

export const promptKind = z.enum(['system', 'template', 'user']);
/** The flags that say which prompts a command is about. */
export const kindFlags = { kind: promptKind.default('system'), user: z.string().optional() };
export const KIND_FLAGS = [
  { flags: '--kind <kind>', description: 'system, template or user (system)' },
  { flags: '--user <id>', description: 'prompts of users: whose' },
] as const;
/** The same of a command that only reads. */
export const readFlags = { ...kindFlags, as: z.string().optional() };
export const READ_FLAGS = [
  ...KIND_FLAGS,
  { flags: '--as <id>', description: 'prompts of users: read them as this user (default: the owner)' },
] as const;

/** Comma-separated names. */
export function names() {
  return z.string().transform((value) =>
    value
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
}

/** A flag's JSON array. */
export function examplesFlag() {
  return z.string().transform((value, context) => {
    try {
      return z.array(z.json()).parse(JSON.parse(value));
    } catch {
      context.addIssue('must be a JSON array');
      return z.NEVER;
    }
  });
}

/** The variables of `--var name=value` flags, all of them text. Throws `invalid_input`. */
export function variablesOf(pairs: readonly string[]): Record<string, string> {
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)] as const;
    throw new StackloreError('invalid_input', {
      message: `"${pair.slice(0, 80)}" gives no variable. Write --var name=value.`,
    });
  });
  return Object.fromEntries(entries);
}

/** The text of a prompt from `--content`, a file or standard input. */
export async function readContent(
  stdin: NodeJS.ReadableStream,
  { content, file }: { content: string | undefined; file: string | undefined },
): Promise<string> {
  if ((content === undefined) === (file === undefined)) {
    throw new StackloreError('invalid_input', { message: 'Give the text with either --content or --file.' });
  }
  if (file === undefined) return content ?? '';
  if (file === '-') return readAll(stdin);
  try {
    // Bytes of another encoding would be replaced without a word.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(file));
  } catch (cause) {
    throw new StackloreError('source_unreadable', {
      message: `"${file}" cannot be read (${errorMessage(cause)}). Give another file.`,
      cause,
    });
  }
}

interface KindFlags {
  readonly user?: string | undefined;
  readonly as?: string | undefined;
  /** Of a system prompt: this version instead of the current one. */
  readonly version?: string | undefined;
}

interface ListFlags extends KindFlags {
  readonly category?: string | undefined;
  readonly offset: number;
  readonly limit: number;
}

interface SaveFlags extends KindFlags {
  readonly text: string;
  readonly description?: string | undefined;
  readonly setVersion?: string | undefined;
  readonly expectedVersion?: string | undefined;
  readonly category?: string | undefined;
  readonly examples?: z.output<ReturnType<typeof examplesFlag>> | undefined;
  readonly variables?: readonly string[] | undefined;
  readonly public: boolean;
  readonly private: boolean;
}

/** The kinds that a flag is for, where it is not for all. */
const FLAG_KINDS: Readonly<Record<string, readonly PromptKind[]>> = {
  ...{ description: ['system'], version: ['system'], expectedVersion: ['system'], setVersion: ['system'] },
  ...{ category: ['template'], examples: ['template'], variables: ['system', 'template'] },
  ...{ user: ['user'], as: ['user'], public: ['user'], private: ['user'] },
};

/** Throws `invalid_input` for a flag that would mean nothing for this kind, and for two that exclude each other. */
export function checkFlags(kind: PromptKind, flags: Readonly<Record<string, unknown>>): void {
  for (const [name, kinds] of Object.entries(FLAG_KINDS)) {
    const value = flags[name];
    if (value === undefined || value === false || kinds.includes(kind)) continue;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new StackloreError('invalid_input', {
      message: `--${flag} is not for prompts of kind ${kind}. Leave it out, or give --kind ${kinds.join(' or ')}.`,
    });
  }
  if (flags.public === true && flags.private === true) {
    throw new StackloreError('invalid_input', {
      message: '--public and --private exclude each other. Give one of them, or neither.',
    });
  }
}

interface Shown {
  readonly prompt: object;
  readonly text: string;
  readonly facts: readonly (readonly [string, string])[];
}

/** What the verbs do for one kind of prompts. */
interface PromptsOfKind {
  list(
    lore: Stacklore,
    flags: ListFlags,
  ): Promise<{
    page: { readonly total: number; readonly unreadable: readonly { readonly message: string }[] };
    header: string[];
    rows: string[][];
  }>;
  get(lore: Stacklore, name: string, flags: KindFlags): Promise<Shown>;
  save(
    lore: Stacklore,
    name: string,
    flags: SaveFlags,
  ): Promise<{ prompt: { outcome: string; version?: string }; warnings?: readonly string[] }>;
  delete(lore: Stacklore, name: string, flags: KindFlags): Promise<void>;
}

export const PROMPTS_OF_KIND: Readonly<Record<PromptKind, PromptsOfKind>> = {
  system: {
    async list({ systemPrompts }, { offset, limit }) {
      const page = await systemPrompts.list({ offset, limit });
      const rows = page.items.map((one) => [one.promptName, one.version, one.description]);
      return { page, header: ['name', 'version', 'description'], rows };
    },
    async get({ systemPrompts }, name, { version: wanted }) {
      const prompt =
        wanted === undefined ? await systemPrompts.get(name) : await systemPrompts.getVersion(name, wanted);
      const { version, description, variables, updatedAt } = prompt;
      const facts = [
        ['version', version],
        ['description', description],
        ['variables', variables.join(', ')],
        ['updated', typeof updatedAt === 'string' ? updatedAt : updatedAt.toISOString()],
      ] as const;
      return { prompt, text: prompt.content, facts };
    },
    async save({ systemPrompts }, name, { text, description, setVersion, expectedVersion, variables }) {
      const prompt = await systemPrompts.save(
        name,
        { content: text, ...given({ description, variables, version: setVersion }) },
        given({ expectedVersion }),
      );
      return { prompt, warnings: prompt.warnings };
    },
    delete: ({ systemPrompts }, name) => systemPrompts.delete(name),
  },
  template: {
    async list({ templates }, { offset, limit, category }) {
      const page = await templates.list({ offset, limit, ...given({ category }) });
      const rows = page.items.map((one) => [
        ...[one.templateName, one.category, one.requiredVariables.join(', ')],
      ]);
      return { page, header: ['name', 'category', 'required variables'], rows };
    },
    async get({ templates }, name) {
      const prompt = await templates.get(name);
      const facts = [
        ['category', prompt.category],
        ['required variables', prompt.requiredVariables.join(', ')],
        ['examples', JSON.stringify(prompt.examples)],
      ] as const;
      return { prompt, text: prompt.template, facts };
    },
    async save({ templates }, name, { text, category, examples, variables }) {
      const rest = given({ category, examples, requiredVariables: variables });
      const prompt = await templates.save(name, { template: text, ...rest });
      return { prompt, warnings: prompt.warnings };
    },
    delete: ({ templates }, name) => templates.delete(name),
  },
  user: {
    async list({ userPrompts }, { offset, limit, user, as }) {
      const page = await userPrompts.list(owner(user), { offset, limit, ...given({ viewer: as }) });
      const rows = page.items.map((one) => [one.promptName, one.isPrivate ? 'yes' : 'no', one.content]);
      return { page, header: ['name', 'private', 'content'], rows };
    },
    async get({ userPrompts }, name, { user, as }) {
      const prompt = await userPrompts.get(owner(user), name, given({ viewer: as }));
      const facts = [
        ['private', prompt.isPrivate ? 'yes' : 'no'],
        ['created', prompt.createdAt.toISOString()],
      ] as const;
      return { prompt, text: prompt.content, facts };
    },
    async save({ userPrompts }, name, { text, user, public: isPublic, private: isPrivate }) {
      const rest = isPublic === isPrivate ? {} : { isPrivate };
      return { prompt: await userPrompts.save(owner(user), name, { content: text, ...rest }) };
    },
    delete: ({ userPrompts }, name, { user }) => userPrompts.delete(owner(user), name),
  },
};

function owner(user: string | undefined): string {
  if (user !== undefined) return user;
  throw new StackloreError('invalid_input', {
    message: 'A prompt of a user needs its user. Give one with --user.',
  });
}

type Given<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

/** Those members that have a value. */
function given<T extends object>(members: T): Given<T> {
  const present = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as Given<T>; // `members` without those that are undefined
}
