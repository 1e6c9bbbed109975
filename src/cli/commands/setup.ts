import { z } from 'zod';
import { provisionModel } from '../../provision/model-files.ts';
import { provisionServer } from '../../provision/redis-pair.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  summary: 'Fetch the Redis server and the embedding model where they are missing.',
  flags: [],
  schema: z.strictObject({}),
  async run({ report, config }) {
    const settings = config();
    const server = await provisionServer(settings, report);
    const model = await provisionModel(settings, report);
    return {
      data: { server, model },
      lines: [`Server: ${server.serverPath}`, `Model:  ${model.dir}`],
    };
  },
});
