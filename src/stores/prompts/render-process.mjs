/**
 * The process that parses and renders templates, one after the other. It has no environment, no Redis and no other
 * work: a template that wants more memory than it has ends this process alone, and one that does not come to an end is
 * ended with it. Plain JavaScript, because the process is started from this very file.
 */
import { Environment, Interpreter, Template } from '@huggingface/jinja';
import { boundTexts } from './bound-texts.mjs';
import { findVariables } from './template-variables.mjs';

/**
 * @typedef {object} RenderRequest
 * @property {string} template
 * @property {string} [variables] A JSON object; without it, the template is only looked at.
 * @property {readonly string[]} [declared] Names that must be among the variables.
 * @property {RenderLimits} limits
 *
 * @typedef {object} RenderLimits
 * @property {number} steps Parts of the template that are carried out; each round of a loop counts too.
 * @property {number} characters Of any text on the way, and of the result.
 * @property {number} elements Of any list on the way.
 *
 * @typedef {{ kind: 'ready' } | { kind: 'rendered', text: string }
 *   | { kind: 'variables', variables: import('./template-variables.mjs').TemplateVariables }
 *   | { kind: 'missing', names: string[] }
 *   | { kind: 'bad syntax' | 'failed' | 'too large', reason: string }} RenderReply
 */

/** @typedef {{ type: string, iterable?: { type: string, lhs?: unknown } }} Statement Of a loop, what it goes through. */

/** How deep expressions, blocks and calls may lie in each other. */
const MAX_DEPTH = 500;

class TooLarge extends Error {}

/** Counts what a template does, and stops it beyond the limits. */
class BoundedInterpreter extends Interpreter {
  /** @type {RenderLimits} */
  #limits;
  #steps = 0;
  #depth = 0;
  /** @type {Set<unknown>} */
  #iterables = new Set();

  /**
   * @param {Environment} environment
   * @param {RenderLimits} limits
   */
  constructor(environment, limits) {
    super(environment);
    this.#limits = limits;
  }

  /**
   * @param {Statement | undefined} statement
   * @param {Environment} environment
   * @returns {{ value?: unknown }}
   */
  evaluate(statement, environment) {
    this.#count(1);
    const { iterable } = statement ?? {};
    if (iterable) this.#iterables.add(iterable.type === 'SelectExpression' ? iterable.lhs : iterable);
    const result = this.#evaluateDeeper(statement, environment);
    const value = result?.value;
    if (typeof value === 'string') {
      if (value.length > this.#limits.characters)
        throw new TooLarge(`it makes a text of more than ${this.#limits.characters} characters`);
    } else if (Array.isArray(value)) {
      if (value.length > this.#limits.elements)
        throw new TooLarge(`it makes a list of more than ${this.#limits.elements} elements`);
      if (this.#iterables.has(statement)) this.#count(value.length);
    }
    return result;
  }

  /**
   * @param {Statement | undefined} statement
   * @param {Environment} environment
   */
  #evaluateDeeper(statement, environment) {
    this.#depth += 1;
    // Said here, because the interpreter takes what it cannot look up for want of stack to be undefined.
    if (this.#depth > MAX_DEPTH) throw new TooLarge('it is nested too deeply, or calls itself without end');
    try {
      return super.evaluate(statement, environment);
    } finally {
      this.#depth -= 1;
    }
  }

  /** @param {number} steps */
  #count(steps) {
    this.#steps += steps;
    if (this.#steps > this.#limits.steps)
      throw new TooLarge(`it takes more than ${this.#limits.steps} steps`);
  }
}

/** Of the request at hand. */
const textLimits = { characters: Number.POSITIVE_INFINITY };

if (process.send) {
  boundTexts(textLimits, (reason) => new TooLarge(reason));
  process.on('message', (/** @type {RenderRequest} */ request) => reply(answer(request)));
  // Whoever asked is gone.
  process.on('disconnect', () => process.exit());
  reply({ kind: 'ready' });
}

/**
 * @param {RenderRequest} request
 * @returns {RenderReply}
 */
export function answer(request) {
  try {
    return parseAndRender(request);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // Too deep a recursion, or a text longer than there can be.
    const isTooLarge = error instanceof TooLarge || error instanceof RangeError;
    return { kind: isTooLarge ? 'too large' : 'failed', reason };
  }
}

/**
 * @param {RenderRequest} request
 * @returns {RenderReply}
 */
function parseAndRender({ template, variables, declared = [], limits }) {
  textLimits.characters = limits.characters;
  let parsed;
  try {
    ({ parsed } = new Template(template));
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return { kind: 'bad syntax', reason: error instanceof Error ? error.message : String(error) };
  }
  const found = findVariables(parsed);
  if (variables === undefined) return { kind: 'variables', variables: found };
  const given = new Map(Object.entries(/** @type {Record<string, unknown>} */ (JSON.parse(variables))));
  const missing = new Set([...declared, ...found.required].filter((name) => !given.has(name)));
  if (missing.size > 0) return { kind: 'missing', names: [...missing] };
  const environment = new Environment(globals(limits));
  for (const [name, value] of given) environment.set(name, value);
  const { value } = new BoundedInterpreter(environment, limits).evaluate(parsed, environment);
  return { kind: 'rendered', text: String(value) };
}

/** @param {RenderLimits} limits */
function globals(limits) {
  const environment = new Environment();
  const constants = { true: true, false: false, none: null, True: true, False: false, None: null };
  for (const [name, value] of Object.entries(constants)) environment.set(name, value);
  environment.set('raise_exception', (/** @type {unknown} */ message) => {
    throw new Error(String(message));
  });
  environment.set('range', (/** @type {unknown[]} */ ...bounds) => boundedRange(bounds, limits));
  return environment;
}

/**
 * Python's range, which refuses to be longer than a list may be.
 * @param {readonly unknown[]} bounds
 * @param {RenderLimits} limits
 */
function boundedRange(bounds, limits) {
  if (bounds.length < 1 || bounds.length > 3 || !bounds.every(Number.isInteger))
    throw new Error('range() takes one to three whole numbers');
  const [first, second, step = 1] = /** @type {number[]} */ (bounds);
  const [start, stop] = second === undefined ? [0, first ?? 0] : [first ?? 0, second];
  if (step === 0) throw new Error('range() step must not be zero');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > limits.elements) throw new TooLarge(`it counts through more than ${limits.elements} numbers`);
  return Array.from({ length }, (_, index) => start + index * step);
}

/** @param {RenderReply} message */
function reply(message) {
  process.send?.(message);
}
