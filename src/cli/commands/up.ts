import { z } from 'zod';
import type { Config } from '../../config.ts';
import { StackloreError } from '../../errors.ts';
import { type DatabaseName, DEFAULT_DATABASE_NUMBERS } from '../../schema/record.ts';
import { attachServer } from '../../stacklore.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';

export const command = defineCommand({
  summary: 'Start the embedded Redis server of the data home, or attach to it.',
  flags: [
    {
      flags: '--port <number>',
      description: 'also listen on this loopback TCP port (default: unix socket only)',
    },
    { flags: '--idle-stop <seconds>', description: 'stop the server after this long without a client' },
  ],
  schema: z.strictObject({
    port: wholeNumber(1, 65_535).optional(),
    idleStop: wholeNumber(0).optional(),
  }),
  async run({ terminal, report, config: configOf }, _args, { port, idleStop }) {
    const embedded = {
      ...(port !== undefined && { port }),
      ...(idleStop !== undefined && { idleStopSeconds: idleStop }),
    };
    const config = configOf({ embedded });
    requireUse(config);
    const server = await attachServer(config, { report, onNotice: terminal.note });
    await server.close();
    const { socketPath, pid, started } = server;
    return {
      data: { socketPath, pid, started },
      lines: [
        `${started ? 'Started' : 'Running already'}: redis-server, process ${pid}, socket ${socketPath}`,
      ],
    };
  },
});

/** Throws `invalid_config` where all four databases are on servers of the user's, so that nothing would ever use this one. */
function requireUse({ redisUrl, databases }: Config): void {
  const names = Object.keys(DEFAULT_DATABASE_NUMBERS) as DatabaseName[];
  if (redisUrl === undefined && names.some((name) => databases[name]?.url === undefined)) return;
  const settings = redisUrl === undefined ? 'URLs of all four databases are' : 'REDIS_URL (redisUrl) is';
  throw new StackloreError('invalid_config', {
    message: `No server was started: ${settings} configured, and every command uses what is there. See whether it answers: stacklore status. To use the embedded server instead, take the URL out of the environment or the configuration, also for the commands after this one.`,
  });
}
