import type { Command } from './command.ts';

/** What the flags that every command takes set. */
const CONFIGURATION = {
  ...{ home: 'home', redisUrl: 'redis-url', 'model.name': 'model', 'model.dir': 'model-dir' },
};

/**
 * A message of the library with its settings named as the flags they were given by: `chunkSize` is `--chunk-size`. Names of
 * one plain word are taken for a setting only where they stand alone, as in `file: must not be empty` or `(file)`.
 */
export function nameFlags(
  message: string,
  { flags, settingFlags = {} }: Pick<Command, 'flags' | 'settingFlags'>,
  given: Readonly<Record<string, unknown>> = {},
): string {
  let named = message;
  for (const [setting, flag] of Object.entries({ ...CONFIGURATION, ...settingFlags })) {
    // One of the configuration is the flag only where that was given.
    const isConfigured = setting.includes('.') || setting === 'home' || setting === 'redisUrl';
    if (isConfigured && given[camelCase(flag)] === undefined) continue;
    named = replaceName(named, setting, flag);
  }
  for (const { flags: notation } of flags) {
    const flag = /--(?:no-)?([a-z][a-z-]*)/.exec(notation)?.[1];
    if (flag !== undefined) named = replaceName(named, camelCase(flag), flag);
  }
  return named;
}

function replaceName(message: string, setting: string, flag: string): string {
  const name = setting.replaceAll('.', '\\.');
  const isPlainWord = /^[a-z]+$/.test(setting);
  const pattern = isPlainWord
    ? new RegExp(`(^|[ (])(?:settings\\.)?${name}(?=: |\\)| \\(STACKLORE_| does not go with)`, 'g')
    : new RegExp(`(^|[^\\w.-])(?:settings\\.)?${name}(?![\\w-])`, 'g');
  return message.replace(pattern, (_match, before: string) => `${before}--${flag}`);
}

function camelCase(flag: string): string {
  return flag.replace(/-[a-z]/g, (part) => part.slice(1).toUpperCase());
}
