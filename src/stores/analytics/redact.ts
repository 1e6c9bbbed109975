/** What stands in place of a secret. */
export const REDACTED = '[redacted]';

/** Longer text is cut before it is looked through. */
const MOST_LOOKED_AT = 100_000;
const MOST_DEPTH = 8;
const MOST_MEMBERS = 200;

const SECRET_WORD =
  'pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret|' +
  'credentials?|authorization|cookie|session[_-]?key';
/** Names whose values are secret: `password`, `DB_PASSWORD`, `x-api-key`, `accessToken`; not `tokens` or `tokensIn`. */
const SECRET_NAME = new RegExp(`(?:^|[_.\\s-]|(?<=[a-z])(?=[A-Z]))(?:${SECRET_WORD})$`, 'i');

/** Each finds secrets in text and says what is left of them; applied in this order. */
const RULES: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, REDACTED],
  // user:password@ of a URL. The password may hold an @ itself: the last one before the path ends it.
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"'<>]{0,1000}@/gi, `$1${REDACTED}@`],
  [/\b(Bearer|Basic|Digest|Negotiate)[ \t]+[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  // JSON Web Tokens, and keys that tell by their beginning what they are.
  [/\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?/g, REDACTED],
  [/\b(?:sk|pk|rk)[-_][\w-]{16,}/g, REDACTED],
  [/\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|hf_|npm_|pypi-)[\w-]{10,}/g, REDACTED],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, REDACTED],
  [/\bAIza[\w-]{30,}/g, REDACTED],
  // password=…, "api_key": "…", token: …, --secret … ; a quoted value to its closing quote, else one word.
  [
    new RegExp(
      `((?:\\b|_|(?<=[a-z])(?=[A-Z]))(?:${SECRET_WORD})\\\\?["']?\\s{0,5}[=:]\\s{0,5})` +
        `(?:\\\\?"[^"\\n]{0,2000}"?|'[^'\\n]{0,2000}'?|[^\\s"'&,;)}\\]]+)`,
      'gi',
    ),
    `$1${REDACTED}`,
  ],
  [/(--[\w-]{0,40}(?:password|secret|token|api-?key)[ \t]+)[^\s"'-][^\s]*/gi, `$1${REDACTED}`],
];

/** Text without the secrets that can be told from their form or their name; what else is secret cannot be seen here. */
export function redactText(text: string): string {
  let redacted = text.length > MOST_LOOKED_AT ? text.slice(0, MOST_LOOKED_AT) : text;
  for (const [pattern, replacement] of RULES) redacted = redacted.replace(pattern, replacement);
  return redacted;
}

/**
 * A JSON value without secrets: text as by `redactText`, and nothing of members whose names tell of a secret. What JSON
 * does not know becomes text; what is nested too deeply or has too many members is cut.
 */
export function redactValue(value: unknown, depth = 0): JsonValue {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Error) return redactText(`${value.name}: ${value.message}`);
  if (typeof value !== 'object') return redactText(String(value));
  if (depth >= MOST_DEPTH) return '[nested too deeply]';
  if (Array.isArray(value)) return value.slice(0, MOST_MEMBERS).map((one) => redactValue(one, depth + 1));
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members.slice(0, MOST_MEMBERS).map(([name, member]) => {
      return [redactText(name), SECRET_NAME.test(name) ? REDACTED : redactValue(member, depth + 1)];
    }),
  );
}

/** What JSON can hold. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };
