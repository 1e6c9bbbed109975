import { expect, test } from 'vitest';
import { docsPage } from '../../src/http/docs-page.ts';
import { openApiDocument } from '../../src/http/openapi.ts';
import { fieldRows } from '../../src/http/schema-table.ts';
import { describedRoutes } from '../support/serve.ts';

test('fields are rows, those inside others by their whole path', () => {
  const text = {
    type: 'object',
    required: ['source'],
    properties: { source: { type: 'string', description: 'Its name.' } },
  };
  const rows = fieldRows({
    type: 'object',
    properties: {
      texts: { type: 'array', items: text },
      size: { type: 'integer', minimum: 1, maximum: 9_007_199_254_740_991, default: 10 },
      rerank: {
        anyOf: [{ type: 'boolean' }, { type: 'object', properties: { depth: { type: 'integer' } } }],
      },
    },
  });
  expect(rows).toEqual([
    { name: 'texts', type: 'object[]', isRequired: false, note: '' },
    { name: 'texts[].source', type: 'string', isRequired: true, note: 'Its name.' },
    { name: 'size', type: 'integer', isRequired: false, note: '(at least 1, default 10)' },
    { name: 'rerank', type: 'boolean | object', isRequired: false, note: '' },
    { name: 'rerank.depth', type: 'integer', isRequired: false, note: '' },
  ]);
});

test('the page tells every operation and its fields, and code as code', () => {
  const document = openApiDocument(describedRoutes(), { version: '0' });
  const page = docsPage(document);
  for (const { operationId } of Object.values(document.paths).flatMap((methods) => Object.values(methods)))
    expect(page).toContain(`id="${operationId}"`);
  expect(page).toContain('<code>maxPerDocument</code>');
  expect(page).not.toContain('`');
});
