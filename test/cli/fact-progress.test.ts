import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { factProgress } from '../../src/cli/fact-progress.ts';

function openTerminal({ isInteractive = false } = {}) {
  const notes: string[] = [];
  let drawn = '';
  const stderr = Object.assign(
    new Writable({
      write(part, _encoding, done) {
        drawn += String(part);
        done();
      },
    }),
    { isTTY: true },
  );
  const terminal = { note: (line: string) => void notes.push(line), isInteractive, stderr };
  return { terminal, notes, drawn: () => drawn };
}

describe('the progress of facts', () => {
  it('is a line every five seconds where nobody watches', () => {
    let now = 0;
    const { terminal, notes } = openTerminal();
    const { onProgress, end } = factProgress(terminal, 'lines', () => now);
    for (const [at, count] of [
      [1_000, 32],
      [5_000, 160],
      [6_000, 192],
      [10_000, 400],
    ] as const) {
      now = at;
      onProgress({ count, share: count === 400 ? undefined : count / 640 });
    }
    end();

    expect(notes).toEqual(['160 lines (25 %), 32.0 lines/s', '400 lines, 40.0 lines/s']);
  });

  it('is a bar on a terminal, which goes when the work has ended', () => {
    const { terminal, drawn } = openTerminal({ isInteractive: true });
    const { onProgress, end } = factProgress(terminal, 'facts');
    onProgress({ count: 5, share: 0.5 });
    end();

    expect(drawn()).toMatch(/5 facts \(50 %\), .* facts\/s, .* left/);
  });
});
