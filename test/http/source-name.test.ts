import { expect, test } from 'vitest';
import { sourceName } from '../../src/http/source-name.ts';

test.each([
  ['loans.md', 'loans.md'],
  ['guide/loans.md', 'guide/loans.md'],
  ['../../etc/passwd', 'etc/passwd'],
  ['/etc/passwd', 'etc/passwd'],
  ['C:\\docs\\plan.docx', 'docs/plan.docx'],
  ['a/./b//c.md', 'a/b/c.md'],
  ['https://example.com/x', 'https:/example.com/x'],
  ['line\nbreak\u0000.md', 'linebreak.md'],
  ['\u202egpj.exe', 'gpj.exe'],
  ['  spaced .md ', 'spaced .md'],
  ['cafe\u0301.md', 'caf\u00e9.md'],
  ['..', 'file-3'],
  ['', 'file-3'],
  [undefined, 'file-3'],
])('calls %j %j', (given, wanted) => {
  expect(sourceName(given, 3)).toBe(wanted);
});

test('keeps the end of a long name, which tells its type', () => {
  expect(sourceName(`${'x'.repeat(2_000)}.pdf`, 1)).toMatch(/^x{496}\.pdf$/);
});
