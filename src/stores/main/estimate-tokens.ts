import { StackloreError } from '../../errors.ts';
import type { Message } from '../../schema/main.ts';

/** Says how many tokens a text has for a model. */
export type CountTokens = (text: string) => number;

/**
 * About how many tokens a text has, for messages that do not say: one for every four ASCII characters and one for each
 * other character, which is rather too many than too few. Give a model's own `countTokens` for exact figures.
 */
export function estimateTokens(text: string): number {
  let ascii = 0;
  let other = 0;
  for (const character of text) {
    if (character < '\u0080') ascii += 1;
    else other += 1;
  }
  return Math.ceil(ascii / 4) + other;
}

/** How many tokens a message has: as it says, else as is counted. */
export function tokensOf(message: Message, countTokens: CountTokens): number {
  const tokens = message.tokens ?? countTokens(message.content);
  if (Number.isFinite(tokens) && tokens >= 0) return tokens;
  throw new StackloreError('invalid_input', {
    message: `countTokens gave ${tokens} for a message. Let it give a number of at least 0.`,
  });
}
