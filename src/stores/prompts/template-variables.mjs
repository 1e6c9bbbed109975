/**
 * Which variables a parsed Jinja2 template takes from outside. Plain JavaScript, because the process that parses
 * templates is started from files as they are.
 */

/**
 * @typedef {{ readonly type: string, readonly [child: string]: any }} Node A node of the parsed template; its shape
 *   depends on its type.
 *
 * @typedef {object} TemplateVariables
 * @property {string[]} required Names without which something would be missing, in order of use.
 * @property {string[]} optional Names that the template itself provides for: `x is defined`, `x | default('')`.
 */

/** The names a template may use without being given them. */
export const GLOBALS = [
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
  'range',
  'namespace',
  'raise_exception',
];

/** The names that are there inside the body of a macro. */
const MACRO_NAMES = ['varargs', 'kwargs', 'caller'];

/**
 * The children of each kind of node that are expressions or blocks; names of filters, tests and attributes are not
 * variables. Kinds with rules of their own are in `visit`.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const CHILDREN = {
  Program: ['body'],
  If: ['test', 'body', 'alternate'],
  CallExpression: ['callee', 'args'],
  ArrayLiteral: ['value'],
  TupleLiteral: ['value'],
  ObjectLiteral: ['value'],
  BinaryExpression: ['left', 'right'],
  SelectExpression: ['test', 'lhs'],
  UnaryExpression: ['argument'],
  SliceExpression: ['start', 'stop', 'step'],
  KeywordArgumentExpression: ['value'],
  SpreadExpression: ['argument'],
  KeywordSpreadExpression: ['argument'],
  Ternary: ['condition', 'trueExpr', 'falseExpr'],
};

/**
 * @param {Node} program
 * @returns {TemplateVariables}
 */
export function findVariables(program) {
  const walk = new Walk();
  walk.visit(program, new Scope(GLOBALS));
  walk.visitMacros();
  const optional = [...walk.guarded];
  return { required: [...walk.used].filter((name) => !walk.guarded.has(name)), optional };
}

class Scope {
  /** @type {Set<string>} */
  #names;
  /** @type {Scope | undefined} */
  #outer;

  /**
   * @param {Iterable<string>} names
   * @param {Scope} [outer]
   */
  constructor(names, outer) {
    this.#names = new Set(names);
    this.#outer = outer;
  }

  /** @param {string} name */
  declare(name) {
    this.#names.add(name);
  }

  /**
   * @param {string} name
   * @returns {boolean}
   */
  has(name) {
    return this.#names.has(name) || (this.#outer?.has(name) ?? false);
  }
}

class Walk {
  /** @type {Set<string>} */
  used = new Set();
  /** @type {Set<string>} */
  guarded = new Set();
  /** @type {{ node: Node, scope: Scope }[]} */
  #macros = [];

  /**
   * @param {unknown} child A node, a list or a map of nodes, or nothing.
   * @param {Scope} scope
   * @returns {void}
   */
  visit(child, scope) {
    if (Array.isArray(child)) {
      for (const one of child) this.visit(one, scope);
    } else if (child instanceof Map) {
      for (const pair of child) this.visit(pair, scope);
    } else if (typeof child === 'object' && child !== null && 'type' in child) {
      this.#visitNode(/** @type {Node} */ (child), scope);
    }
  }

  /** Bodies of macros run when they are called, by when every name of the template is set: they come last. */
  visitMacros() {
    for (const { node, scope } of this.#macros) {
      const inner = new Scope([...MACRO_NAMES, ...argumentNames(node.args)], scope);
      this.visit(node.args, inner);
      this.visit(node.body, inner);
    }
  }

  /**
   * @param {Node} node
   * @param {Scope} scope
   */
  #visitNode(node, scope) {
    switch (node.type) {
      case 'Identifier':
        if (!scope.has(node.value)) this.used.add(node.value);
        break;
      case 'MemberExpression':
        this.visit(node.object, scope);
        if (node.computed) this.visit(node.property, scope);
        break;
      case 'FilterExpression':
        if (filterName(node.filter) === 'default') this.#guard(node.operand, scope);
        this.visit(node.operand, scope);
        this.#visitFilter(node.filter, scope);
        break;
      case 'FilterStatement':
        this.visit(node.body, scope);
        this.#visitFilter(node.filter, scope);
        break;
      case 'TestExpression':
        if (['defined', 'undefined'].includes(node.test.value)) this.#guard(node.operand, scope);
        this.visit(node.operand, scope);
        break;
      case 'Set':
        this.visit(node.value, scope);
        this.visit(node.body, scope);
        this.#declare(node.assignee, scope);
        break;
      case 'For':
        this.#visitFor(node, scope);
        break;
      case 'Macro':
        scope.declare(node.name.value);
        this.#macros.push({ node, scope });
        break;
      case 'CallStatement': {
        this.visit(node.call, scope);
        const inner = new Scope(argumentNames(node.callerArgs ?? []), scope);
        this.visit(node.callerArgs, inner);
        this.visit(node.body, inner);
        break;
      }
      default:
        for (const name of CHILDREN[node.type] ?? []) this.visit(node[name], scope);
    }
  }

  /**
   * @param {Node} node
   * @param {Scope} scope
   */
  #visitFor(node, scope) {
    const inner = new Scope(['loop'], scope);
    const isFiltered = node.iterable.type === 'SelectExpression';
    this.visit(isFiltered ? node.iterable.lhs : node.iterable, scope);
    this.#declare(node.loopvar, inner);
    if (isFiltered) this.visit(node.iterable.test, inner);
    this.visit(node.body, inner);
    this.visit(node.defaultBlock, scope);
  }

  /**
   * @param {Node} target What `set` or `for` gives a value to.
   * @param {Scope} scope
   */
  #declare(target, scope) {
    if (target.type === 'Identifier') scope.declare(target.value);
    else if (target.type === 'TupleLiteral') for (const one of target.value) this.#declare(one, scope);
    else this.visit(target, scope);
  }

  /**
   * @param {Node} operand
   * @param {Scope} scope
   */
  #guard(operand, scope) {
    if (operand.type === 'Identifier' && !scope.has(operand.value)) this.guarded.add(operand.value);
  }

  /**
   * @param {Node} filter
   * @param {Scope} scope
   */
  #visitFilter(filter, scope) {
    if (filter.type === 'CallExpression') this.visit(filter.args, scope);
  }
}

/**
 * @param {Node} filter
 * @returns {string}
 */
function filterName(filter) {
  return filter.type === 'CallExpression' ? filter.callee.value : filter.value;
}

/**
 * @param {readonly Node[]} args
 * @returns {string[]}
 */
function argumentNames(args) {
  return args.map((argument) => (argument.type === 'Identifier' ? argument.value : argument.key.value));
}
