import { z } from 'zod';
import { collectionOutput, describeCollections } from '../describe-collections.ts';
import { defineTool, READ_ONLY } from '../tool.ts';

/** The tool `list_collections`. */
export const listCollectionsTool = defineTool({
  name: 'list_collections',
  title: 'List collections',
  description:
    'Lists the collections of documents, how many documents each has, and the fields its documents can be filtered by.',
  input: z.strictObject({}),
  output: z.object({ collections: z.array(collectionOutput) }),
  annotations: READ_ONLY,
  async run(context) {
    const collections = await describeCollections(context);
    const lines = collections.map(({ name, documents, fields, language, model }) => {
      const declared = fields.map((field) => `${field.name} (${field.type})`).join(', ') || 'none of its own';
      return `${name}: documents ${documents}, fields ${declared}${model === null ? limitOf(language) : ''}`;
    });
    return {
      data: { collections },
      text: lines.length === 0 ? 'There are no collections yet.' : lines.join('\n'),
    };
  },
});

/** What can be done with a collection whose vectors no model of ours has made. */
function limitOf(language: string | null): string {
  return language === null ? '; cannot be searched by text' : '; search it by name, with mode text';
}
