import { z } from 'zod';
import { stopEmbeddedRedis } from '../../redis/embedded.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  summary: 'Stop the embedded Redis server of the data home; its data is saved first.',
  flags: [],
  schema: z.strictObject({}),
  async run({ terminal, config }) {
    const { stopped } = await stopEmbeddedRedis(config(), { onNotice: terminal.note });
    return {
      data: { stopped },
      lines: [stopped ? 'Stopped; the data is saved.' : 'No embedded server was running.'],
    };
  },
});
