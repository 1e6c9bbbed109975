import { errorMessage, RecordError, StackloreError } from '../../errors.ts';
import { timestamp } from '../../schema/fields.ts';
import { conversationRecord, type Message } from '../../schema/main.ts';
import { checkObject } from './check-input.ts';

/** A message to append. */
export interface NewMessage extends Omit<Message, 'timestamp'> {
  /** A date or ISO 8601 text; by default now. */
  readonly timestamp?: Date | string | undefined;
}

/** A stored message that cannot be read: where it stands from the start, and why. */
export interface UnreadableMessage {
  readonly position: number;
  readonly problem: string;
}

const KEYS = ['role', 'content', 'timestamp', 'tokens'];
const ROLES: ReadonlySet<unknown> = new Set(['user', 'assistant', 'system']);

/** A message as the conversation stores it; `now` is an encoded timestamp. Throws `invalid_input`. */
export function encodeMessage(message: NewMessage, now: string): string {
  checkObject(message, 'message', KEYS);
  const { role, content, tokens } = message;
  if (!ROLES.has(role)) {
    throw invalid(`a role is user, assistant or system, not ${JSON.stringify(role)?.slice(0, 40)}`);
  }
  if (typeof content !== 'string') throw invalid('its content is not text');
  if (!content.isWellFormed()) throw invalid('its content holds half of a surrogate pair');
  if (tokens !== undefined && !isTokenCount(tokens)) {
    throw invalid(`tokens is a whole number of at least 0, not ${tokens}`);
  }
  // Text: the codec of a JSON object encodes to nothing else.
  return conversationRecord.element.encode({
    role,
    content,
    timestamp: message.timestamp === undefined ? now : timeOf(message.timestamp),
    ...(tokens !== undefined && { tokens }),
  }) as string;
}

function decodeMessage(element: string, key: string, position: number): Message {
  try {
    return findPlain(element) ?? conversationRecord.element.decode(element);
  } catch (error) {
    throw new RecordError(key, [{ field: `message ${position}`, message: errorMessage(error) }]);
  }
}

/** Nearly every message: one that holds what the codec would make of it, which takes as long again as reading JSON. */
function findPlain(element: string): Message | undefined {
  let stored: unknown;
  try {
    stored = JSON.parse(element);
  } catch {
    return undefined; // the codec says what is wrong with it
  }
  return isPlain(stored) ? stored : undefined;
}

function isPlain(stored: unknown): stored is Message {
  if (typeof stored !== 'object' || stored === null) return false;
  const { role, content, timestamp: at, tokens } = stored as Readonly<Record<string, unknown>>;
  if (!ROLES.has(role) || typeof content !== 'string' || typeof at !== 'string') return false;
  if (tokens !== undefined && !isTokenCount(tokens)) return false;
  for (const name in stored) if (!KEYS.includes(name)) return false;
  return true;
}

function isTokenCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** A stored message, or why it cannot be read, naming the key and its position from the start. */
export function readMessage(element: string, key: string, position: number): Message | UnreadableMessage {
  try {
    return decodeMessage(element, key, position);
  } catch (error) {
    return { position, problem: errorMessage(error) };
  }
}

/** Messages, and apart from them those that cannot be read. */
export function sortMessages(read: readonly (Message | UnreadableMessage)[]) {
  const items: Message[] = [];
  const unreadable: UnreadableMessage[] = [];
  for (const message of read) {
    if ('problem' in message) unreadable.push(message);
    else items.push(message);
  }
  return { items, unreadable };
}

/** A moment as messages carry it. Throws `invalid_input`. */
export function timeOf(given: Date | string): string {
  try {
    // In UTC, as the schema has it. Text: the codec of a time encodes to nothing else.
    return timestamp.encode(typeof given === 'string' ? timestamp.decode(given) : given) as string;
  } catch (error) {
    throw invalid(`its timestamp cannot be used: ${errorMessage(error)}`);
  }
}

function invalid(problem: string): StackloreError {
  return new StackloreError('invalid_input', {
    message: `The message cannot be appended: ${problem}. Nothing was appended; correct it.`,
  });
}
