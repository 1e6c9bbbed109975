import { Template } from '@huggingface/jinja';
import { describe, expect, it } from 'vitest';
import { findVariables, type TemplateVariables } from '../../../src/stores/prompts/template-variables.mjs';

const variables = (template: string): TemplateVariables => findVariables(new Template(template).parsed);
const required = (template: string) => variables(template).required;

describe('findVariables', () => {
  it.each([
    ['{{ b }}{{ a }}{{ b }}', ['b', 'a']],
    ['{{ user.name }}{{ list[index] }}', ['user', 'list', 'index']],
    [
      '{% for item in items %}{{ item }}{{ loop.index }}{% else %}{{ none }}{{ empty }}{% endfor %}',
      ['items', 'empty'],
    ],
    ['{% for k, v in map.items() %}{{ k }}{{ v }}{% endfor %}{{ k }}', ['map', 'k']],
    ['{% for x in xs if x > least %}{{ x }}{% endfor %}{{ loop }}', ['xs', 'least', 'loop']],
    ['{% set a = b %}{{ a }}', ['b']],
    ['{{ a }}{% set a = 1 %}', ['a']],
    ['{% set a %}{{ b }}{% endset %}{{ a }}', ['b']],
    ['{% set ns = namespace(n=start) %}{% set ns.n = 2 %}{{ ns.n }}', ['start']],
    ['{% set a, b = pair %}{{ a }}{{ b }}', ['pair']],
    [
      '{% macro f(x, y=z) %}{{ x }}{{ y }}{{ w }}{{ f(1) }}{{ kwargs }}{% endmacro %}{{ f(q) }}',
      ['q', 'z', 'w'],
    ],
    ['{% macro f() %}{{ late }}{% endmacro %}{% set late = 1 %}{{ f() }}', []],
    ['{% macro f() %}{{ caller(1) }}{% endmacro %}{% call(n) f() %}{{ n }}{{ m }}{% endcall %}', ['m']],
    ['{{ text | replace("a", other) | upper }}', ['text', 'other']],
    ['{% filter upper %}{{ a }}{% endfilter %}', ['a']],
    ['{{ x is string }}{{ range(n) }}{{ raise_exception(m) }}', ['x', 'n', 'm']],
    ['{{ {"key": value, other: 1}[k] }}{{ [a, (b, c)] }}', ['value', 'other', 'k', 'a', 'b', 'c']],
    ['{{ a if b else c }}{{ -d }}{{ e[f:g:h] }}', ['b', 'a', 'c', 'd', 'e', 'f', 'g', 'h']],
    ['{{ f(*a, **b) }}{{ f(c=d) }}', ['f', 'a', 'b', 'd']],
    ['{% if a and not b %}{% elif c in d %}{% else %}{{ e }}{% endif %}', ['a', 'b', 'c', 'd', 'e']],
    ['{# {{ comment }} #}plain', []],
  ])('finds in %s what must be given', (template, names) => {
    expect(new Set(required(template))).toEqual(new Set(names));
  });

  it('tells apart what the template itself provides for', () => {
    expect(variables('{{ a | default("x") }}{% if b is defined %}{{ b }}{% endif %}{{ c }}')).toEqual({
      required: ['c'],
      optional: ['a', 'b'],
    });
  });
});
