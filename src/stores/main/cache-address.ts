import { hash as digest } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import { canonicalJson } from '../../schema/canonical-json.ts';
import type { KeyPlace } from '../../schema/key.ts';
import { cacheLockRecord, responseCacheRecord } from '../../schema/main.ts';
import { checkObject } from './check-input.ts';

/** The endpoint of a cached body; exactly one of the two. */
export interface CachedEndpoint {
  /** What is called, e.g. `GET /v1/status`; its hash stands in the key. */
  readonly endpoint?: string | undefined;
  /** Stands in the key as it is: a readable name, or the hash another program has made. */
  readonly endpointName?: string | undefined;
}

/** Whose body is cached: an endpoint, and with which parameters it was called. */
export interface CacheAddress extends CachedEndpoint {
  /** A JSON value, whose hash stands in the key; the order of keys makes no difference. */
  readonly params?: unknown;
  /** Stands in the key as it is; `default` when neither is given. */
  readonly paramsName?: string | undefined;
}

/** Where a body is kept. */
export interface CachePlace {
  readonly endpointHash: string;
  /** Keys to look at in this order; what is absent is written to the last. */
  readonly keys: readonly string[];
  readonly lock: string;
}

const DEFAULT_PARAMS = 'default';
/** 128 bits as hexadecimal digits. */
const HASH_LENGTH = 32;

/** The keys of an address. Throws `invalid_input`. */
export function placeOf(database: KeyPlace, address: CacheAddress): CachePlace {
  checkObject(address, 'cache address', ['endpoint', 'endpointName', 'params', 'paramsName']);
  const { params, paramsName } = address;
  if (params !== undefined && paramsName !== undefined) throw twice('params', 'paramsName');
  const ids = {
    endpointHash: endpointHashOf(address),
    paramsHash: params === undefined ? (paramsName ?? DEFAULT_PARAMS) : paramsHashOf(params),
  };
  const { key } = responseCacheRecord;
  return {
    endpointHash: ids.endpointHash,
    // On a cluster only what lies in the slot of the lock: what another program caches under such a name is computed.
    keys: database.isCluster ? [key.build(ids)] : key.candidates(ids),
    lock: cacheLockRecord.key.buildOn(database, ids),
  };
}

/** What stands in the key for parameters. */
export function paramsHashOf(params: unknown): string {
  return shortHash(canonicalJson(params));
}

/** What stands in the key for an endpoint. Throws `invalid_input`. */
export function endpointHashOf({ endpoint, endpointName }: CachedEndpoint): string {
  if (endpoint !== undefined && endpointName !== undefined) throw twice('endpoint', 'endpointName');
  if (endpointName !== undefined) return requireText('endpointName', endpointName);
  return shortHash(requireText('endpoint', endpoint));
}

function shortHash(text: string): string {
  return digest('sha256', text).slice(0, HASH_LENGTH);
}

function requireText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new StackloreError('invalid_input', {
    message: `The ${name} must be text. Give endpoint (hashed into the key) or endpointName (kept as it is).`,
  });
}

function twice(hashed: string, named: string): StackloreError {
  return new StackloreError('invalid_input', {
    message: `Give ${hashed} (hashed into the key) or ${named} (kept as it is), not both.`,
  });
}
