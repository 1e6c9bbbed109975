import { StackloreError } from '../../errors.ts';

/** Throws unless the vector can be stored in, or compared with, vectors of these dimensions. */
export function checkVector(
  vector: Float32Array | undefined,
  dimensions: number,
  owner = 'the collection',
): asserts vector is Float32Array {
  if (!(vector instanceof Float32Array)) {
    throw new StackloreError('invalid_vector', {
      message: 'A vector must be a Float32Array. Convert it first.',
    });
  }
  if (vector.length !== dimensions) {
    throw new StackloreError('dimension_mismatch', {
      message: `The vector has ${vector.length} dimensions, ${owner} ${dimensions}. Use the model that those were made with.`,
    });
  }
  if (hasDirection(vector)) return;
  throw new StackloreError('invalid_vector', {
    message:
      'The vector is all zeros or holds NaN or an infinite number, so it has no direction. Embed the text again.',
  });
}

/** What float16 makes infinite from here on, and what it makes zero up to here. */
const [FLOAT16_INFINITE, FLOAT16_ZERO] = [65_520, 2 ** -25];

/** Throws `invalid_vector` for a vector that has no direction any more when its numbers are rounded to float16. */
export function checkFloat16(vector: Float32Array): void {
  if (!fitsFloat16(vector)) throw notFloat16('The vector');
}

/** Whether a vector still has a direction when its numbers are rounded to float16. */
export function fitsFloat16(vector: Float32Array): boolean {
  let largest = 0;
  for (let index = 0; index < vector.length; index += 1) {
    largest = Math.max(largest, Math.abs(vector[index] as number));
  }
  return largest > FLOAT16_ZERO && largest < FLOAT16_INFINITE;
}

/** The refusal of such a vector. */
export function notFloat16(what: string): StackloreError {
  return new StackloreError('invalid_vector', {
    message: `${what} has numbers too large or too small for float16. Give vectors of unit length, or keep the collection at float32.`,
  });
}

/** Whether a vector is neither all zeros nor holds NaN or an infinite number. */
export function hasDirection(vector: Float32Array): boolean {
  let squares = 0;
  for (let index = 0; index < vector.length; index += 1) {
    const value = vector[index] as number;
    squares += value * value;
  }
  // Infinity and NaN both show in the sum; RediSearch would take them and answer with a distance of nan.
  return squares > 0 && squares < Number.POSITIVE_INFINITY;
}
