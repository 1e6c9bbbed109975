import { describe, expect, it } from 'vitest';
import { RECORDS } from '../../src/schema/records.ts';
import { schemaPage } from '../../src/schema/schema-page.ts';

describe('docs/schema.md', () => {
  // After a change of src/schema: npx vitest run -u --project unit test/schema/docs.test.ts
  it('is what the declarations say', async () => {
    await expect(schemaPage()).toMatchFileSnapshot('../../docs/schema.md');
  });

  it('names every record with its key in snake_case', () => {
    const page = schemaPage();

    for (const name of Object.keys(RECORDS)) expect(page).toContain(`| ${name} | \``);
    expect(page).toContain('`session:{session_id}` | HASH | 86,400 s');
    expect(page).toContain('`index:documents` | SORTED SET | –');
    expect(page).toContain('| `chunk_count` | integer |');
  });
});
