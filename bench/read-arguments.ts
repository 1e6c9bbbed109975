import { type ParseArgsConfig, parseArgs } from 'node:util';
import { errorMessage } from '../src/errors.ts';

/** What a program was called with. Asked for help, or called wrongly, it says how it is used and ends. */
export function readArguments<const Config extends ParseArgsConfig>(
  config: Config,
  usage: string,
): ReturnType<typeof parseArgs<Config>> {
  if (process.argv.includes('--help')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${errorMessage(error)}\n${usage}`);
    return process.exit(2);
  }
}
