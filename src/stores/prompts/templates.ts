import { StackloreError } from '../../errors.ts';
import { keyToWrite } from '../../redis/candidates.ts';
import type { Database } from '../../redis/databases.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import { parsePromptInput, type TemplateInput, templateInput } from '../../schema/prompt-input.ts';
import { type Template, templateRecord } from '../../schema/prompts.ts';
import { type TemplateLimits, TemplateRenderer } from './render.ts';
import {
  deletePrompt,
  findPrompt,
  type PageOptions,
  type PromptPage,
  pagePrompts,
  promptKeys,
  type SaveOutcome,
} from './stored-prompts.ts';
import { warningsOfExamples } from './template-examples.ts';

/** A template with its name. */
export interface StoredTemplate extends Template {
  readonly templateName: string;
}

/** A template after a save, what the save did, and which of its examples do not fit it. */
export interface SavedTemplate extends StoredTemplate {
  readonly outcome: SaveOutcome;
  readonly warnings: string[];
}

/** The Jinja2 templates. Those of other writers are no more trusted than those of a stranger. */
export class Templates {
  readonly #database: Database;
  readonly #renderer: TemplateRenderer;

  constructor(database: Database, { limits = {} }: { limits?: Partial<TemplateLimits> } = {}) {
    this.#database = database;
    this.#renderer = new TemplateRenderer(limits);
  }

  /** A template, or `undefined`. */
  async find(templateName: string): Promise<StoredTemplate | undefined> {
    const keys = templateRecord.key.candidates({ templateName });
    const found = await findPrompt(this.#database, templateRecord, keys);
    return found && { templateName, ...found.value };
  }

  /** A template. Throws `not_found`. */
  async get(templateName: string): Promise<StoredTemplate> {
    const template = await this.find(templateName);
    if (template) return template;
    throw notFound(templateName);
  }

  /** Templates by name, all or those of a category; those that cannot be read are named beside them. */
  async list({
    category,
    ...options
  }: PageOptions & { readonly category?: string } = {}): Promise<PromptPage<StoredTemplate>> {
    const { key } = templateRecord;
    const keys = await promptKeys(this.#database, [key.pattern], (one) => key.parse(one) !== undefined);
    return pagePrompts(this.#database, templateRecord, {
      keys,
      options,
      toItem: (value, at) => ({ templateName: key.parse(at)?.templateName ?? '', ...value }),
      ...(category === undefined ? {} : { accepts: (template) => template.category === category }),
    });
  }

  /**
   * Saves a template, and renders its examples to see whether they fit. Throws `parse_failed` for bad syntax, and
   * `invalid_input` when the declared variables are not those the template takes.
   */
  async save(
    templateName: string,
    input: TemplateInput,
    { dryRun = false }: { readonly dryRun?: boolean } = {},
  ): Promise<SavedTemplate> {
    const checked = parsePromptInput(templateInput, input);
    const requiredVariables = await this.#checkedVariables(templateName, checked);
    const stored = await this.find(templateName);
    const value: Template = {
      template: checked.template,
      category: checked.category ?? stored?.category ?? '',
      examples: checked.examples ?? stored?.examples ?? [],
      requiredVariables,
    };
    const warnings = await warningsOfExamples(this.#renderer, value);
    const isSame = stored !== undefined && JSON.stringify(toValue(stored)) === JSON.stringify(value);
    if (!dryRun && !isSame) await this.#write(templateName, value);
    const outcome = isSame ? 'unchanged' : stored ? 'updated' : 'created';
    return { templateName, ...value, outcome, warnings };
  }

  /**
   * The text a stored template makes of plain data, in a process of its own under limits of size, steps, time and
   * memory. Throws `invalid_input` naming all missing variables, `parse_failed` and `too_large`.
   */
  async render(templateName: string, variables: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const { template, requiredVariables } = await this.get(templateName);
    return this.#renderer.render(template, variables, requiredVariables);
  }

  /** Deletes a template. Throws `not_found`. */
  async delete(templateName: string): Promise<void> {
    const keys = templateRecord.key.candidates({ templateName });
    if (!(await deletePrompt(this.#database, keys))) throw notFound(templateName);
  }

  /** Ends the process that renders. */
  async close(): Promise<void> {
    await this.#renderer.close();
  }

  async #write(templateName: string, value: Template): Promise<void> {
    const key = await keyToWrite(this.#database, templateRecord.key.candidates({ templateName }));
    try {
      await this.#database.send(['HSET', key, ...templateRecord.encode(value, key)]);
    } catch (error) {
      throw await namedWrongType(this.#database, error, new Map([[key, 'hash']]));
    }
  }

  /** The declared names: each is used, and each that the template cannot do without is there. */
  async #checkedVariables(
    templateName: string,
    { template, requiredVariables }: TemplateInput,
  ): Promise<string[]> {
    const { required, optional } = await this.#renderer.variablesOf(template);
    if (requiredVariables === undefined) return required;
    const declared = [...new Set(requiredVariables)];
    const undeclared = required.filter((name) => !declared.includes(name));
    const unused = declared.filter((name) => !required.includes(name) && !optional.includes(name));
    if (undeclared.length === 0 && unused.length === 0) return declared;
    const problems = [
      ...(undeclared.length > 0 ? [`used but not declared: ${undeclared.join(', ')}`] : []),
      ...(unused.length > 0 ? [`declared but not used: ${unused.join(', ')}`] : []),
    ];
    throw new StackloreError('invalid_input', {
      message: `The required variables of template "${templateName}" do not fit it (${problems.join('; ')}). Correct them, give an optional one a default in the template, or leave them out to take those of the template.`,
    });
  }
}

function toValue({ template, category, examples, requiredVariables }: Template): Template {
  return { template, category, examples, requiredVariables };
}

function notFound(templateName: string): StackloreError {
  return new StackloreError('not_found', {
    message: `There is no template "${templateName}". See stacklore prompts list --kind template for the names.`,
  });
}
