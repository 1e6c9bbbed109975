/**
 * Bounds the texts that a process makes. V8 makes one text of up to a gigabyte whatever the limit of its heap is, and
 * `replace`, `join` and `indent` ask for such ones with a few characters.
 */

/**
 * From here on, what multiplies texts in this process refuses to make one that is longer than `limits.characters` says
 * at that moment, before there is one.
 * @param {{ characters: number }} limits
 * @param {(reason: string) => Error} tooLarge
 */
export function boundTexts(limits, tooLarge) {
  const { repeat, replaceAll } = String.prototype;
  const { join } = Array.prototype;

  /** @param {number} length */
  const check = (length) => {
    if (length > limits.characters)
      throw tooLarge(`it makes a text of more than ${limits.characters} characters`);
  };

  String.prototype.repeat = function (/** @type {number} */ count) {
    check(this.length * count);
    return repeat.call(this, count);
  };
  Array.prototype.join = function (separator = ',') {
    let length = String(separator).length * Math.max(0, this.length - 1);
    for (const element of this) if (typeof element === 'string') length += element.length;
    check(length);
    return join.call(this, separator);
  };
  String.prototype.replaceAll = function (
    /** @type {any} */ pattern,
    /** @type {any} Text, or a function that gives it. */ replacement,
  ) {
    // The interpreter gives a function; in a text, `$&` and the like would have to be understood.
    const replace = (/** @type {any} */ how) => replaceAll.call(this, pattern, how);
    if (typeof replacement === 'string') return replace(replacement);
    let length = 0;
    const counted = (/** @type {string} */ match, /** @type {any[]} */ ...rest) => {
      const text = replacement(match, ...rest);
      length += text.length;
      check(length);
      return text;
    };
    return replace(counted);
  };
}
