import { type FieldIssue, RecordError } from '../errors.ts';
import { type Field, NewerFormatError, type OptionalField, snakeCase, type Wire } from './fields.ts';
import { type KeyTemplate, keyTemplate } from './key.ts';

/** The four named databases; no other door to Redis exists. */
export type DatabaseName = 'main' | 'knowledge' | 'prompts' | 'analytics';

/** The number each named database has unless configured; RediSearch indexes number 0 only, hence `knowledge`. */
export const DEFAULT_DATABASE_NUMBERS: Readonly<Record<DatabaseName, number>> = {
  main: 0,
  knowledge: 0,
  prompts: 2,
  analytics: 3,
};

/** What every record declares, whatever its Redis type. */
interface Declaration<Template extends string> {
  readonly database: DatabaseName;
  readonly key: Template;
  /** Of a helper that is changed together with the record it helps: its key on a cluster, see `keyTemplate`. */
  readonly clusterKey?: string;
  /** One sentence for docs/schema.md. */
  readonly description: string;
  /** Seconds until Redis drops the key, set with each write; absent means it stays. */
  readonly ttlSeconds?: number;
  /** True where `ttlSeconds` is what a key gets unless its writer chooses another one. */
  readonly isTtlConfigurable?: boolean;
  /** True for keys of stacklore's own, which the shared schema does not name. */
  readonly isHelper?: boolean;
  /** True for what means something only to programs that run now: it is neither backed up nor moved. */
  readonly isTransient?: boolean;
}

interface RecordBase<Template extends string> extends Omit<Declaration<Template>, 'key'> {
  readonly key: KeyTemplate<Template>;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

type OptionalNames<F> = { [Name in keyof F]: F[Name] extends OptionalField<unknown> ? Name : never }[keyof F];
type FieldValue<F> = F extends Field<infer T> ? T : never;

/** The TypeScript value of a hash's fields; optional fields may be absent. */
export type FieldsValue<F> = {
  -readonly [Name in Exclude<keyof F, OptionalNames<F>>]: FieldValue<F[Name]>;
} & {
  -readonly [Name in OptionalNames<F>]?: FieldValue<F[Name]> | undefined;
};

/** A HASH with declared fields. */
export interface HashRecord<Template extends string = string, F = Fields> extends RecordBase<Template> {
  readonly type: 'hash';
  readonly fields: F;
  /** The arguments HSET takes after the key: field, value, field, value. Throws `RecordError` naming bad fields. */
  encode(value: FieldsValue<F>, key?: string): Wire[];
  /** Reads a reply, field names as stored. Unknown fields are ignored. Throws `RecordError` naming `key`. */
  decode(reply: Readonly<Record<string, Wire>>, key?: string): FieldsValue<F>;
}

/** A LIST of equally encoded elements. */
export interface ListRecord<Template extends string = string, T = unknown> extends RecordBase<Template> {
  readonly type: 'list';
  readonly element: Field<T>;
}

/** A STRING holding one encoded value. */
export interface StringRecord<Template extends string = string, T = unknown> extends RecordBase<Template> {
  readonly type: 'string';
  readonly value: Field<T>;
}

/** A STRING that INCR counts up. */
export interface CounterRecord<Template extends string = string> extends RecordBase<Template> {
  readonly type: 'counter';
}

/** A SORTED SET; `member` and `score` say what both are. */
export interface SortedSetRecord<Template extends string = string> extends RecordBase<Template> {
  readonly type: 'sortedSet';
  readonly member: string;
  readonly score: string;
}

/** A HASH whose fields are data themselves; `field` and `value` say what both are. */
export interface MapRecord<Template extends string = string> extends RecordBase<Template> {
  readonly type: 'map';
  readonly field: string;
  readonly value: string;
}

export type AnyRecord =
  | HashRecord<string, Record<string, Field<unknown>>>
  | ListRecord
  | StringRecord
  | CounterRecord
  | SortedSetRecord
  | MapRecord;

/** The TypeScript value a record holds: a hash's object, a list's element, a string's value. */
export type ValueOf<R> =
  R extends HashRecord<string, infer F>
    ? FieldsValue<F>
    : R extends ListRecord<string, infer T>
      ? T
      : R extends StringRecord<string, infer T>
        ? T
        : number;

/** Declares a HASH. */
export function hash<const Template extends string, const F extends Record<string, Field<unknown>>>(
  declaration: Declaration<Template> & { readonly fields: F },
): HashRecord<Template, F> {
  const fields = Object.entries(declaration.fields).map(([name, codec]) => {
    return { name, wireName: snakeCase(name), codec };
  });

  function encode(value: FieldsValue<F>, key: string = declaration.key): Wire[] {
    const values = value as Record<string, unknown>;
    const args: Wire[] = [];
    const issues: FieldIssue[] = [];
    for (const { name, wireName, codec } of fields) {
      const fieldValue = values[name];
      if (fieldValue === undefined) {
        if (!codec.isOptional) issues.push({ field: wireName, message: 'missing' });
        continue;
      }
      try {
        args.push(wireName, codec.encode(fieldValue));
      } catch (error) {
        issues.push({ field: wireName, message: (error as Error).message });
      }
    }
    if (issues.length > 0) throw new RecordError(key, issues);
    return args;
  }

  function decode(reply: Readonly<Record<string, Wire>>, key: string = declaration.key): FieldsValue<F> {
    const value: Record<string, unknown> = {};
    const issues: FieldIssue[] = [];
    for (const { name, wireName, codec } of fields) {
      const wire = reply[wireName];
      if (wire === undefined) {
        if (!codec.isOptional) issues.push({ field: wireName, message: 'missing' });
        continue;
      }
      try {
        value[name] = codec.decode(wire);
      } catch (error) {
        issues.push(issueOf(wireName, error));
      }
    }
    if (issues.length > 0) throw new RecordError(key, issues);
    return value as FieldsValue<F>;
  }

  return {
    ...declaration,
    type: 'hash',
    key: keyTemplate(declaration.key, declaration.clusterKey),
    encode,
    decode,
  };
}

/** What is wrong with a field whose `decode` threw. */
export function issueOf(field: string, error: unknown): FieldIssue {
  const { message } = error as Error;
  return error instanceof NewerFormatError ? { field, message, isNewer: true } : { field, message };
}

/** Declares a LIST. */
export function list<const Template extends string, T>(
  declaration: Declaration<Template> & { readonly element: Field<T> },
): ListRecord<Template, T> {
  return { ...declaration, type: 'list', key: keyTemplate(declaration.key, declaration.clusterKey) };
}

/** Declares a STRING with one encoded value. */
export function string<const Template extends string, T>(
  declaration: Declaration<Template> & { readonly value: Field<T> },
): StringRecord<Template, T> {
  return { ...declaration, type: 'string', key: keyTemplate(declaration.key, declaration.clusterKey) };
}

/** Declares a STRING that counts. */
export function counter<const Template extends string>(
  declaration: Declaration<Template>,
): CounterRecord<Template> {
  return { ...declaration, type: 'counter', key: keyTemplate(declaration.key, declaration.clusterKey) };
}

/** Declares a SORTED SET. */
export function sortedSet<const Template extends string>(
  declaration: Declaration<Template> & { readonly member: string; readonly score: string },
): SortedSetRecord<Template> {
  return { ...declaration, type: 'sortedSet', key: keyTemplate(declaration.key, declaration.clusterKey) };
}

/** Declares a HASH from one kind of value to another. */
export function map<const Template extends string>(
  declaration: Declaration<Template> & { readonly field: string; readonly value: string },
): MapRecord<Template> {
  return { ...declaration, type: 'map', key: keyTemplate(declaration.key, declaration.clusterKey) };
}
