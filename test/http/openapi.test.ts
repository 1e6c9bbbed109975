import { describe, expect, test } from 'vitest';
import { openApiDocument } from '../../src/http/openapi.ts';
import { describedRoutes } from '../support/serve.ts';

interface Field {
  readonly description?: string;
  readonly type?: string;
}

describe('the OpenAPI document', () => {
  const { paths } = openApiDocument(describedRoutes(), { version: '0' });

  test.each(['/v1/search', '/v1/context'])('says of each field of %s what it means', (path) => {
    const body = paths[path]?.post?.requestBody?.content['application/json']?.schema;
    const { properties } = body as { properties: Record<string, Field> };
    const silent = Object.entries(properties).filter(([, { description }]) => !description);
    expect(silent).toEqual([]);
    expect(properties.filter?.type).toBe('object');
    expect(properties.vector).toMatchObject({ type: 'array', items: { type: 'number' } });
  });
});
