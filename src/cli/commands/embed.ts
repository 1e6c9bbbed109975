import { z } from 'zod';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  summary: 'Print the vector of a text, for a program that queries Redis itself.',
  arguments: '<text>',
  flags: [
    { flags: '--collection <name>', description: 'refuse unless the vector can be compared with this one' },
    { flags: '--document', description: 'embed it as a document, not as a query' },
  ],
  schema: z.strictObject({ collection: z.string().optional(), document: z.boolean().default(false) }),
  examples: ['stacklore embed "how do sessions expire?" --collection docs --json'],
  async run({ lore: open, config }, [text = ''], { collection, document }) {
    const lore = open();
    const warnings = collection === undefined ? [] : await lore.checkModel(collection);
    const [vector = new Float32Array()] = document
      ? await lore.embedTexts([text])
      : [await lore.embedQuery(text)];
    const embedding = Array.from(vector);
    const data = { model: config().model.name, dimensions: embedding.length, embedding, warnings };
    return { data, lines: [...warnings, JSON.stringify(embedding)] };
  },
});
