import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { TemplateRenderer } from '../../../src/stores/prompts/render.ts';

const renderer = new TemplateRenderer();
const hasty = new TemplateRenderer({ timeMs: 800 });
afterAll(() => Promise.all([renderer.close(), hasty.close()]));

const render = (template: string, variables: Record<string, unknown> = {}) =>
  renderer.render(template, variables);

describe('a template', () => {
  it('is rendered with loops, conditions, macros and filters', async () => {
    const template =
      '{% macro line(x) %}- {{ x | upper }}\n{% endmacro %}{% for x in xs if x != "b" %}{{ line(x) }}{% endfor %}{{ n ** 2 }}';

    expect(await render(template, { xs: ['a', 'b', 'c'], n: 7 })).toBe('- A\n- C\n49');
  });

  it('is refused with every variable it lacks, declared or used', async () => {
    await expect(renderer.render('{{ a }}{{ b }}', { b: 1 }, ['c'])).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('missing: c, a'),
    });
  });

  it('of bad syntax is refused with the reason', async () => {
    for (const call of [render('{% for x in %}'), renderer.variablesOf('{{ a')])
      await expect(call).rejects.toMatchObject({ code: 'parse_failed' });
  });

  it('that fails says why', async () => {
    await expect(render('{{ raise_exception("no user turn") }}')).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('no user turn'),
    });
  });

  it('takes plain data only', async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const value of [() => 1, circle, 1n, Symbol('x')])
      await expect(render('{{ a }}', { a: value })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(render('{{ a }}', { a: 'x'.repeat(1_000_001) })).rejects.toMatchObject({
      code: 'too_large',
    });
  });
});

describe('a hostile template', () => {
  it.each([
    '{{ "".constructor.constructor("return process")() }}',
    '{{ [].constructor.constructor("return process")() }}',
    '{{ range.constructor("return process")() }}',
    '{{ namespace.__proto__.constructor("return process")() }}',
    '{{ a["__proto__"]["constructor"]("return process")() }}',
    '{{ a.get("constructor")("return process")() }}',
    '{{ process.exit() }}{{ globalThis.process.exit() }}',
    '{{ require("node:fs") }}',
  ])('reaches nothing: %s', async (template) => {
    await expect(render(template, { a: {} })).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('sees no prototype: names such as constructor are data or nothing', async () => {
    const shown =
      '{{ a.constructor }}|{{ a.__proto__.x }}|{{ "".__proto__ }}|{{ [].constructor }}|{{ 1.5.constructor }}';

    expect(await render(shown, { a: JSON.parse('{"__proto__":{"x":"data"}}') })).toBe('|data|||');
    expect(await render('{{ constructor }}', { constructor: 'mine' })).toBe('mine');
    await expect(render('{{ toString }}')).rejects.toThrow(/missing: toString/);
  });

  it.each([
    ['a loop over 10**9 numbers', '{% for i in range(10**9) %}x{% endfor %}'],
    ['a billion rounds', '{% for i in range(1000) %}{% for j in range(1000) %}{% for k in range(1000) %}{% endfor %}{% endfor %}{% endfor %}'], // biome-ignore format: one row a case
    ['a text doubled 40 times', '{% set n = namespace(s="ab") %}{% for i in range(40) %}{% set n.s = n.s ~ n.s %}{% endfor %}'], // biome-ignore format: one row a case
    ['a list doubled 40 times', '{% set n = namespace(a=[1]) %}{% for i in range(40) %}{% set n.a = n.a + n.a %}{% endfor %}'], // biome-ignore format: one row a case
    ['replacements that multiply', '{% set s = "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" %}{% set a = s.replace("", s).replace("", s) %}{{ a.replace("", a) }}'], // biome-ignore format: one row a case
    ['an indentation of 400 MB', '{{ "a\\nb" | indent(400000000) }}'],
    ['a macro that calls itself', '{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}'],
    ['40,000 parentheses', `{{ ${'('.repeat(40_000)}1${')'.repeat(40_000)} }}`],
    ['a template of a million characters', 'x'.repeat(1_000_000)],
  ])('asks for too much: %s', async (_what, template) => {
    await expect(render(template)).rejects.toMatchObject({ code: 'too_large' });
    expect(await render('{{ a }}', { a: 'goes on' })).toBe('goes on');
  });

  it.each([
    ['{{ xs | join(s) }}', { xs: Array.from({ length: 60_000 }, () => 'a'), s: 's'.repeat(9_000) }],
    ['{{ s | replace("s", s) }}', { s: 's'.repeat(30_000) }],
    ['{{ [1] | tojson(indent=600000000) }}', {}],
    ['{{ "a\nb" | indent(600000000) }}', {}],
  ])('makes no text that V8 could not: %s', async (template, variables) => {
    // V8 itself would say "Invalid string length", and make a text that is a little shorter.
    await expect(render(template, variables)).rejects.toThrow(/makes a text of more than 1000000 characters/);
  });

  it('does not get "x" * 10**9', async () => {
    await expect(render('{{ "x" * 10**9 }}')).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('that does not come to an end is ended, and the next ones are rendered', async () => {
    const endless = '{% for i in range(100000) %}{{ xs | sort | length }}{% endfor %}';
    const xs = Array.from({ length: 10_000 }, (_, n) => (n * 7_919) % 10_000);
    const calls = [hasty.render(endless, { xs }), ...['a', 'b'].map((x) => hasty.render('{{ x }}', { x }))];

    const [first, ...others] = await Promise.allSettled(calls);
    expect(first).toMatchObject({
      reason: { code: 'too_large', message: expect.stringContaining('within 800 ms') },
    });
    expect(others.map((other) => other.status === 'fulfilled' && other.value)).toEqual(['a', 'b']);
  });
});

describe('the process that renders', () => {
  it('serves many calls at once, each with its own variables', async () => {
    const calls = Array.from({ length: 64 }, (_, n) => render('{{ n }}', { n }));
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 64 }, (_, n) => String(n)));
  });

  it('neither keeps a program alive nor is left behind, closed or not', async () => {
    const file = new URL('../../../src/stores/prompts/render.ts', import.meta.url).href;
    const hooks = new URL('../../support/typescript-hooks.mjs', import.meta.url).href;
    const program = (end: string) =>
      `const { TemplateRenderer } = await import('${file}'); const one = new TemplateRenderer();` +
      `console.log(await one.render('{{ a }}', { a: 'rendered' })); ${end}`;
    for (const end of ['await one.close();', '']) {
      const args = ['--import', hooks, '--input-type=module', '--eval', program(end)];
      // Throws for any exit code but 0: that of a program whose wait never ends is 13.
      expect((await promisify(execFile)(process.execPath, args)).stdout).toBe('rendered\n');
    }
  });

  it('is not started by a renderer that is closed, and calls under way are rejected', async () => {
    const closing = new TemplateRenderer();
    const call = closing.render('{{ a }}', { a: 1 });
    await Promise.all([expect(call).rejects.toMatchObject({ code: 'aborted' }), closing.close()]);
    await expect(closing.render('x')).rejects.toMatchObject({ code: 'aborted' });
  });
});
