import { expect, it } from 'vitest';
import { z } from 'zod';
import { StackloreError } from '../../src/errors.ts';
import { callTool } from '../../src/mcp/call-tool.ts';
import { defineTool, READ_ONLY, type ToolContext } from '../../src/mcp/tool.ts';

/** What a client is told of a call that fails by this error, and whoever runs the server. */
async function failBy(error: unknown) {
  const tool = defineTool({
    ...{ name: 'fail', title: 'Fail', description: 'Fails.', annotations: READ_ONLY },
    ...{ input: z.strictObject({}), output: z.object({}) },
    async run() {
      throw error;
    },
  });
  const told: unknown[] = [];
  const { content } = await callTool(tool, {} as ToolContext, {
    input: {},
    onError: (one) => void told.push(one),
  });
  return { text: JSON.stringify(content), told };
}

it('tells a client of an error that nobody foresaw only that it happened, and all to who runs the server', async () => {
  const error = new Error('EACCES: /srv/secret');
  const { text, told } = await failBy(error);
  expect(text).toContain('Error internal');
  expect(text).not.toContain('/srv/secret');
  expect(told).toEqual([error]);
});

it('tells the message of an error that was foreseen', async () => {
  const { text, told } = await failBy(new StackloreError('not_found', { message: 'There is no boat.' }));
  expect(text).toContain('There is no boat.');
  expect(told).toEqual([]);
});
