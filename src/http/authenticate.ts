import type { FastifyRequest } from 'fastify';
import { StackloreError } from '../errors.ts';
import type { ApiKeys } from '../stores/main/api-keys.ts';
import { Access } from './access.ts';

/** How long it may take until a loopback server without keys has noticed the first one. */
const NOTICED_AFTER_MS = 1_000;

/** Finds out what a request may do; a server that has ever seen an API key asks for one from then on. */
export class Authenticator {
  readonly #apiKeys: ApiKeys;
  readonly #now: () => number;
  #isKeyRequired: boolean;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(
    apiKeys: ApiKeys,
    { requireKey, now = Date.now }: { readonly requireKey: boolean; readonly now?: () => number },
  ) {
    this.#apiKeys = apiKeys;
    this.#isKeyRequired = requireKey;
    this.#now = now;
  }

  /** Throws `unauthorized` for a wrong key, and without one where there are keys. */
  async accessOf(request: FastifyRequest): Promise<Access> {
    const address = request.ip;
    const token = tokenOf(request);
    if (token === undefined) {
      if (await this.isKeyRequired()) throw unauthorized('An API key is needed here.');
      return new Access({ address });
    }
    const key = await this.#apiKeys.authenticate(token);
    if (!key) throw unauthorized('This API key is unknown, revoked or expired.');
    return new Access({ key, address });
  }

  /** Whether requests without a key are refused. */
  async isKeyRequired(): Promise<boolean> {
    if (!this.#isKeyRequired && this.#now() - this.#askedAt >= NOTICED_AFTER_MS) {
      // Asked first: while the database is away nobody gets in on an old answer.
      this.#isKeyRequired = await this.#apiKeys.exist();
      this.#askedAt = this.#now();
    }
    return this.#isKeyRequired;
  }
}

function tokenOf({ headers }: FastifyRequest): string | undefined {
  const { authorization, 'x-api-key': own } = headers;
  if (authorization !== undefined) {
    const [, token] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
    if (token === undefined) throw unauthorized('The Authorization header holds no bearer token.');
    return token;
  }
  return Array.isArray(own) ? own[0] : own;
}

function unauthorized(problem: string): StackloreError {
  return new StackloreError('unauthorized', {
    message: `${problem} Send one as "Authorization: Bearer <key>"; stacklore api-keys create makes one.`,
  });
}
