import { StackloreError } from '../errors.ts';

/** The parameter names inside a template, as a union: `'session:{sessionId}'` gives `'sessionId'`. */
export type KeyParams<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? Name | KeyParams<Rest>
  : never;

/** One key pattern of the schema: builds keys, recognises them, and gives the pattern that SCAN takes. */
export interface KeyTemplate<Template extends string = string> {
  readonly template: Template;
  /** The glob that matches every key of this template, e.g. `session:*`. */
  readonly pattern: string;
  /** The key for these ids. Throws `invalid_input` for an id no key can carry. */
  build(params: Readonly<Record<KeyParams<Template>, string>>): string;
  /**
   * The key for these ids where it is going to lie. On a cluster a helper lies in the slot of the record that it helps:
   * its name holds that record's key in braces. Throws `invalid_input` where braces inside an id prevent it, or would make
   * it the helper of another record.
   */
  buildOn(place: KeyPlace, params: Readonly<Record<KeyParams<Template>, string>>): string;
  /** The key exactly as writers without escaping form it, for reading what they stored. */
  buildRaw(params: Readonly<Record<KeyParams<Template>, string>>): string;
  /**
   * Where a record of these ids may be, the first to look at first: the raw key of other writers where it differs and
   * means no other ids, then the one that `build` gives.
   */
  candidates(params: Readonly<Record<KeyParams<Template>, string>>): readonly string[];
  /**
   * The globs under which SCAN finds every key with these ids, written by `build` or raw by others; of a cluster those of
   * `buildOn` too. They find keys of other ids too: check each with `parse`.
   */
  patternsOf(
    params: Readonly<Partial<Record<KeyParams<Template>, string>>>,
    place?: KeyPlace,
  ): readonly string[];
  /** The ids inside a key, or `undefined` when the key is not of this template. */
  parse(key: string): Record<KeyParams<Template>, string> | undefined;
}

/** Where keys lie: on one server, or spread over the slots of a cluster. */
export interface KeyPlace {
  readonly isCluster: boolean;
}

interface Param {
  readonly name: string;
  /** The character that ends the id inside the key; empty when the key ends with it. */
  readonly separator: string;
  readonly reserved: RegExp;
}

interface Part {
  readonly literal: string;
  readonly param?: Param;
}

type EncodeId = (id: string, reserved: RegExp) => string;

const PLAIN_ID = /^[\w-]{1,128}$/;
const MAX_ID_BYTES = 512;
const CONTROL_CHARACTER = /\p{Cc}/u;
const REGEXP_SPECIAL = /[\\^$.*+?()[\]{}|]/g;

/**
 * Compiles a template such as `doc:{docId}:metadata`; the only place where keys are put together. A helper may have a
 * second one for clusters, with the same ids and the template of the record it helps in braces:
 * `stacklore:queue:{queue:{queueName}}:leases`.
 */
export function keyTemplate<const Template extends string>(
  template: Template,
  clusterTemplate?: string,
): KeyTemplate<Template> {
  const plain = compile(template);
  if (clusterTemplate === undefined) return { ...plain, buildOn: (_, params) => plain.build(params) };
  const clustered = compile<Template>(clusterTemplate as Template); // the same ids
  const [, helped = ''] = /\{(.*\})\}/.exec(clusterTemplate) ?? [];
  const owner = compile<Template>(helped as Template);
  return {
    ...plain,
    buildOn({ isCluster }, params) {
      const own = plain.build(params);
      const owned = owner.build(params);
      // With an id in the braces of such keys it would be the helper of another record.
      const isOthers = clustered.parse(own) !== undefined;
      const keys = [...(isCluster ? [clustered.build(params)] : []), ...(isOthers ? [] : [own])];
      // An id with braces of its own decides the slot of both keys by them.
      const key = keys.find((one) => !isCluster || slotText(one) === slotText(owned));
      if (key !== undefined) return key;
      throw new StackloreError('invalid_input', {
        message: `"${owned}" cannot have helper keys${isOthers ? '' : ' on a cluster'}, because of its braces. Give a name without them.`,
      });
    },
    patternsOf: (params, place) => [
      ...(place?.isCluster ? clustered.patternsOf(params) : []),
      ...plain.patternsOf(params),
    ],
    parse: (key) => clustered.parse(key) ?? plain.parse(key),
  };
}

/** What of a key decides its slot on a cluster: the text in its first pair of braces, else all of it. */
export function slotText(key: string): string {
  const start = key.indexOf('{') + 1;
  const end = key.indexOf('}', start);
  return start > 0 && end > start ? key.slice(start, end) : key;
}

function compile<const Template extends string>(template: Template): Omit<KeyTemplate<Template>, 'buildOn'> {
  const parts = parseTemplate(template);
  const names = parts.flatMap((part) => (part.param ? [part.param.name] : []));
  const capture = (param: Param | undefined) => (param ? captureOf(param, names.length === 1) : '');
  const pieces = parts.map((part) => escapeRegExp(part.literal) + capture(part.param));
  const matcher = new RegExp(`^${pieces.join('')}$`, 'su');

  function assemble(params: Readonly<Record<string, string>>, encode: EncodeId) {
    let key = '';
    for (const part of parts) {
      key += part.literal;
      if (!part.param) continue;
      const { name, separator, reserved } = part.param;
      const id = params[name];
      // Nearly every id: nothing in it to check or to escape.
      const isPlain = typeof id === 'string' && PLAIN_ID.test(id) && !PLAIN_ID.test(separator);
      key += isPlain ? id : encode(checkId(name, id), reserved);
    }
    return key;
  }

  function patternFor(params: Readonly<Record<string, string | undefined>>, encode: EncodeId) {
    let pattern = '';
    for (const { literal, param } of parts) {
      pattern += escapeGlob(literal);
      if (!param) continue;
      const id = params[param.name];
      pattern += id === undefined ? '*' : escapeGlob(encode(checkId(param.name, id), param.reserved));
    }
    return pattern;
  }

  function parse(key: string) {
    const match = matcher.exec(key);
    if (!match) return undefined;
    const ids = names.map((name, index) => [name, unescapeId(match[index + 1] ?? '')]);
    // The names come from the template itself, so the record has exactly its parameters.
    return Object.fromEntries(ids) as Record<KeyParams<Template>, string>;
  }

  return {
    template,
    pattern: patternFor({}, escapeId),
    build: (params) => assemble(params, escapeId),
    buildRaw: (params) => assemble(params, (id) => id),
    candidates(params) {
      const built = assemble(params, escapeId);
      const raw = assemble(params, (id) => id);
      if (raw === built) return [built];
      // The raw key of "a%3Ab" is the key of "a:b".
      const ids: Readonly<Record<string, string>> | undefined = parse(raw);
      const isOwn = names.every((name) => ids?.[name] === (params as Record<string, string>)[name]);
      return isOwn ? [raw, built] : [built];
    },
    patternsOf: (params) => [...new Set([patternFor(params, escapeId), patternFor(params, (id) => id)])],
    parse,
  };
}

/** Checks an id that a caller gave: text of 1 to 512 UTF-8 bytes, well-formed, without control characters. */
export function checkId(name: string, id: string | undefined): string {
  if (id === undefined || id === '') throw invalidId(name, 'is empty');
  // Of callers without types: a pattern would read null as "null".
  if (typeof id !== 'string') throw invalidId(name, 'is not text');
  if (!id.isWellFormed()) throw invalidId(name, 'holds half of a surrogate pair');
  if (CONTROL_CHARACTER.test(id)) throw invalidId(name, 'holds a control character');
  if (Buffer.byteLength(id) > MAX_ID_BYTES) throw invalidId(name, `is longer than ${MAX_ID_BYTES} bytes`);
  return id;
}

/** Whether a value is an id that a key can carry. */
export function isId(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  try {
    return checkId('id', value) === value;
  } catch {
    return false;
  }
}

function invalidId(name: string, problem: string): StackloreError {
  return new StackloreError('invalid_input', { message: `The ${name} ${problem}. Give another one.` });
}

function parseTemplate(template: string): Part[] {
  const pieces = template.split(/\{(\w+)\}/);
  const parts: Part[] = [];
  for (let index = 0; index < pieces.length; index += 2) {
    const literal = pieces[index] ?? '';
    const name = pieces[index + 1];
    if (name === undefined) {
      if (literal !== '') parts.push({ literal });
      continue;
    }
    // Only the character that ends this id in the key can be mistaken for structure; the last id ends with the key.
    const separator = (pieces[index + 2] ?? '').charAt(0);
    // A closing brace is escaped nowhere, so that the same id stands in the braces as in the key of the record helped.
    const escaped = separator === '}' ? '' : escapeRegExp(separator);
    parts.push({
      literal,
      param: { name, separator, reserved: new RegExp(`[%*?[\\]\\\\${escaped}]`, 'g') },
    });
  }
  return parts;
}

/** An id that stands alone in its key may hold the separator: other writers do not escape, and nothing is ambiguous. */
function captureOf({ separator }: Param, isOnly: boolean): string {
  return isOnly || separator === '' ? '(.+)' : `([^${escapeRegExp(separator)}]+)`;
}

function escapeRegExp(text: string): string {
  return text.replace(REGEXP_SPECIAL, '\\$&');
}

function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&');
}

function escapeId(id: string, reserved: RegExp): string {
  return id.replace(
    reserved,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function unescapeId(id: string): string {
  return id.replace(/%(25|2A|2F|3A|3F|5B|5C|5D)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
