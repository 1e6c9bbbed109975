import { z } from 'zod';
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
    if (config.redisUrl !== undefined)
      terminal.note(
        'A Redis URL is configured: other commands use that server, and not the one of the data home.',
      );
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
