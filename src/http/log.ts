import { type Logger, pino } from 'pino';
import type { ServeOptions } from './options.ts';

/** JSON lines on standard error, without anything a caller must keep secret. */
export function createLogger(
  { logLevel }: Pick<ServeOptions, 'logLevel'>,
  destination: NodeJS.WritableStream = process.stderr,
): Logger {
  return pino(
    {
      level: logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: [
          'req.headers.authorization',
          'req.headers["x-api-key"]',
          '*.token',
          '*.password',
          'token',
          'password',
        ],
        censor: '[redacted]',
      },
    },
    destination,
  );
}
