import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { PromptFilesReport } from '../../maintenance/prompt-files.ts';
import { type Command, defineCommand } from '../command.ts';
import { jsonObjectFlag, wholeNumber } from '../flag-values.ts';
import { counted, oneLine, table } from '../format.ts';
import {
  checkFlags,
  examplesFlag,
  KIND_FLAGS,
  kindFlags,
  names,
  PROMPTS_OF_KIND,
  promptKind,
  READ_FLAGS,
  readContent,
  readFlags,
  variablesOf,
} from '../prompt-flags.ts';

const list = defineCommand({
  summary: 'List prompts of one kind by name.',
  flags: [
    ...READ_FLAGS,
    { flags: '--category <name>', description: 'templates: only those of this category' },
    { flags: '--offset <number>', description: 'skip this many' },
    { flags: '--limit <number>', description: 'list at most this many (100)' },
  ],
  schema: z.strictObject({
    ...readFlags,
    category: z.string().optional(),
    offset: wholeNumber(0).default(0),
    limit: wholeNumber(1, 10_000).default(100),
  }),
  async run({ lore, terminal }, _args, { kind, ...flags }) {
    checkFlags(kind, flags);
    const { page, header, rows } = await PROMPTS_OF_KIND[kind].list(lore(), flags);
    for (const { message } of page.unreadable) terminal.note(`Note: ${message}`);
    const cells = rows.map((row) => row.map((cell) => oneLine(cell, 60)));
    return {
      data: page,
      lines: [...table(header, cells), `${rows.length} of ${counted(page.total, 'prompt')}`],
    };
  },
});

const show = defineCommand({
  summary: 'Show a prompt.',
  arguments: '<name>',
  flags: [
    ...READ_FLAGS,
    { flags: '--version <version>', description: 'system prompts: this version (default: the current one)' },
  ],
  schema: z.strictObject({ ...readFlags, version: z.string().optional() }),
  async run({ lore }, [name = ''], { kind, ...flags }) {
    checkFlags(kind, flags);
    const { prompt, text, facts } = await PROMPTS_OF_KIND[kind].get(lore(), name, flags);
    return { data: prompt, lines: [...facts.map(([fact, value]) => `${fact}: ${value}`), '', text] };
  },
});

const save = defineCommand({
  summary: 'Save a prompt: a new one, or a new version of a system prompt.',
  arguments: '<name>',
  flags: [
    ...KIND_FLAGS,
    { flags: '--content <text>', description: 'its text' },
    { flags: '--file <path>', description: 'a file with its text; "-" is standard input' },
    { flags: '--description <text>', description: 'system prompts: what it is for' },
    {
      flags: '--set-version <version>',
      description: 'system prompts: its version (default: the next patch)',
    },
    { flags: '--expected-version <version>', description: 'system prompts: save only over this version' },
    { flags: '--category <name>', description: 'templates: its category' },
    { flags: '--examples <json>', description: 'templates: examples as a JSON array' },
    {
      flags: '--variables <names>',
      description: 'names the text must use, comma-separated (default: found)',
    },
    { flags: '--public', description: 'prompts of users: readable by others' },
    { flags: '--private', description: 'prompts of users: readable by the owner only (the default)' },
  ],
  schema: z.strictObject({
    ...kindFlags,
    content: z.string().optional(),
    file: z.string().optional(),
    description: z.string().optional(),
    setVersion: z.string().optional(),
    expectedVersion: z.string().optional(),
    category: z.string().optional(),
    examples: examplesFlag().optional(),
    variables: names().optional(),
    public: z.boolean().default(false),
    private: z.boolean().default(false),
  }),
  examples: ['stacklore prompts save chat_default --content "You are helpful. User: {{user_name}}"'],
  async run({ lore, terminal }, [name = ''], { kind, content, file, ...flags }) {
    checkFlags(kind, flags);
    const text = await readContent(terminal.stdin, { content, file });
    const { prompt, warnings = [] } = await PROMPTS_OF_KIND[kind].save(lore(), name, { ...flags, text });
    for (const warning of warnings) terminal.note(`Note: ${warning}`);
    const version = 'version' in prompt ? `, version ${prompt.version}` : '';
    return { data: prompt, lines: [`${name}: ${prompt.outcome}${version}`] };
  },
});

const render = defineCommand({
  summary: 'Print a system prompt or a template with its variables filled in.',
  arguments: '<name>',
  flags: [
    KIND_FLAGS[0],
    { flags: '--var <name=value>', description: 'a variable; repeat it for others', isList: true },
    { flags: '--vars <json>', description: 'variables as a JSON object' },
  ],
  schema: z.strictObject({
    kind: promptKind.exclude(['user']).default('system'),
    var: z.array(z.string()).default([]),
    vars: jsonObjectFlag().optional(),
  }),
  examples: ['stacklore prompts render chat_default --var user_name=Ada'],
  async run({ lore }, [name = ''], { kind, var: pairs, vars }) {
    const variables = { ...vars, ...variablesOf(pairs) };
    const text =
      kind === 'template'
        ? await lore().templates.render(name, variables)
        : await lore().systemPrompts.render(name, variables);
    return { data: { name, text }, lines: [text] };
  },
});

const history = defineCommand({
  summary: 'List the versions of a system prompt, the current one first.',
  arguments: '<name>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore, terminal }, [name = '']) {
    const { versions, unreadable } = await lore().systemPrompts.history(name);
    for (const { message } of unreadable) terminal.note(`Note: ${message}`);
    const rows = versions.map(({ version, updatedAt, content }) => [
      version,
      updatedAt,
      oneLine(content, 60),
    ]);
    return { data: { name, versions, unreadable }, lines: table(['version', 'updated', 'content'], rows) };
  },
});

const rollback = defineCommand({
  summary: 'Make an earlier version of a system prompt current again, as a new version.',
  arguments: '<name> <version>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [name = '', version = '']) {
    const prompt = await lore().systemPrompts.rollback(name, version);
    return { data: prompt, lines: [`${name}: version ${prompt.version} says what ${version} said`] };
  },
});

const remove = defineCommand({
  summary: 'Delete prompts; a system prompt with its history.',
  arguments: '<names...>',
  flags: KIND_FLAGS,
  schema: z.strictObject(kindFlags),
  async run({ lore }, args, { kind, user }) {
    checkFlags(kind, { user });
    const deleted = [...new Set(args)];
    const prompts = PROMPTS_OF_KIND[kind];
    // All are looked for first: a misspelt name among many must not leave the work half done.
    await Promise.all(deleted.map((name) => prompts.get(lore(), name, { user }).catch(passUnreadable)));
    await Promise.all(deleted.map((name) => prompts.delete(lore(), name, { user })));
    return { data: { kind, deleted }, lines: deleted.map((name) => `Deleted ${name}`) };
  },
});

const exchangeFlags = [
  { flags: '--kind <kind>', description: 'system, template or user; repeat it (default: all)', isList: true },
  { flags: '--dry-run', description: 'tell what would be done' },
];
const exchangeSchema = z.strictObject({
  kind: z.array(promptKind).optional(),
  dryRun: z.boolean().default(false),
});

const importFolder = defineCommand({
  summary: 'Save every prompt of a folder of files with front matter.',
  arguments: '<folder>',
  flags: exchangeFlags,
  schema: exchangeSchema,
  async run({ lore, terminal }, [folder = ''], { kind: kinds, dryRun }) {
    const report = await lore().maintenance.importPrompts(folder, { ...(kinds && { kinds }), dryRun });
    for (const { path, warnings = [] } of report.files)
      for (const warning of warnings) terminal.note(`Note: ${path}: ${warning}`);
    return toOutcome(report);
  },
});

const exportFolder = defineCommand({
  summary: 'Write every prompt into a folder as files with front matter, private ones too.',
  arguments: '<folder>',
  flags: exchangeFlags,
  schema: exchangeSchema,
  async run({ lore }, [folder = ''], { kind: kinds, dryRun }) {
    return toOutcome(await lore().maintenance.exportPrompts(folder, { ...(kinds && { kinds }), dryRun }));
  },
});

/** What cannot be read can be deleted all the same. */
function passUnreadable(error: unknown): void {
  if (!(error instanceof StackloreError && error.code === 'record_invalid')) throw error;
}

function toOutcome(report: PromptFilesReport) {
  const { files, created, updated, unchanged, failed, dryRun } = report;
  const told = files.filter(({ outcome }) => outcome !== 'unchanged');
  return {
    data: report,
    lines: [
      ...told.map(
        ({ path, outcome, error }) => `${outcome} ${path}${error === undefined ? '' : `: ${error}`}`,
      ),
      `${dryRun ? 'Would be: ' : ''}${created} created, ${updated} updated, ${unchanged} unchanged, ${failed} failed`,
    ],
    exitCode: failed > 0 ? 1 : 0,
  };
}

export const commands: Record<string, Command> = {
  ...{ list, show, save, render, history, rollback, delete: remove },
  ...{ import: importFolder, export: exportFolder },
};
