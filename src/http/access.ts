import { StackloreError } from '../errors.ts';
import type { AccessFamily, Scope } from '../schema/main.ts';
import type { ApiKey } from '../stores/main/api-keys.ts';
import { HIDDEN } from './problem.ts';

/**
 * What one request may see and do. Everything denied is `not_found`, in the very words of what is absent: who may not
 * use a thing cannot tell whether it is there.
 */
export class Access {
  /** Whom requests are counted for: the key, or the address of a caller without one. */
  readonly clientId: string;
  /** The one user whose records are open; `undefined`: those of all. */
  readonly userId: string | undefined;
  readonly #key: ApiKey | undefined;
  readonly #collections: ReadonlySet<string> | undefined;

  /** Without a key everything is open, as on a loopback server that has none. */
  constructor({ key, address }: { readonly key?: ApiKey | undefined; readonly address: string }) {
    this.#key = key;
    this.clientId = key ? key.keyId : addressClient(address);
    this.userId = key?.userId;
    this.#collections = key?.collections && new Set(key.collections);
  }

  /** Whether the key reaches only some collections, or only one user's records. */
  get isNarrowed(): boolean {
    return this.#collections !== undefined || this.userId !== undefined;
  }

  /** Whether a request came with an API key. */
  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** What the key opens; `undefined` without one. */
  get opened(): Pick<ApiKey, 'name' | 'scopes' | 'families' | 'collections' | 'userId'> | undefined {
    if (!this.#key) return undefined;
    const { name, scopes, families, collections, userId } = this.#key;
    return {
      name,
      scopes,
      families,
      ...(collections && { collections }),
      ...(userId !== undefined && { userId }),
    };
  }

  /** The id of the key, to which ingest jobs belong. */
  get keyId(): string | undefined {
    return this.#key?.keyId;
  }

  /** The only collections that are open; `undefined`: all. */
  get collections(): readonly string[] | undefined {
    return this.#collections && [...this.#collections];
  }

  /** Throws `not_found` unless the key has the scope and the family. */
  require(scope: Scope, family: AccessFamily): void {
    if (!this.allows(scope, family)) throw hidden();
  }

  /** Whether the key has the scope and the family. */
  allows(scope: Scope, family: AccessFamily): boolean {
    if (!this.#key) return true;
    return this.#key.scopes.includes(scope) && this.#key.families.includes(family);
  }

  /** Whether the key reaches a collection. */
  reaches(collection: string): boolean {
    return this.#collections?.has(collection) ?? true;
  }

  /** Throws `not_found` unless the key reaches every one of these collections. */
  requireCollections(...collections: readonly string[]): void {
    if (!collections.every((collection) => this.reaches(collection))) throw hidden();
  }

  /** The user a request is for: the key's own, else the one it names. Throws `not_found` for another user's. */
  userOf(named: string | undefined): string | undefined {
    if (this.userId !== undefined && named !== undefined && named !== this.userId) throw hidden();
    return this.userId ?? named;
  }

  /** Throws `not_found` for a key that opens the records of one user only. */
  requireAllUsers(): void {
    if (this.userId !== undefined) throw hidden();
  }

  /** Throws `not_found` for a key that reaches only some collections, or only one user's records. */
  requireEverything(): void {
    if (this.isNarrowed) throw hidden();
  }

  /** Whose cached answers these are: a hit tells that a question was asked before, which is not for others to know. */
  get cacheScope(): string {
    return this.#key?.keyId ?? '';
  }
}

/** Whom requests without a key are counted for. */
export function addressClient(address: string): string {
  return `ip-${address}`;
}

/** What every denial says. */
export function hidden(): StackloreError {
  return new StackloreError('not_found', { message: HIDDEN });
}
