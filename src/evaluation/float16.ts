/** Digits of the significand after the point, and the exponents of the smallest normal and the largest number. */
const DIGITS = 10;
const SMALLEST_EXPONENT = -14;
const LARGEST = 65_504;

/** A vector as it would be read back from 16-bit floats. */
export function roundToFloat16(vector: Float32Array): Float32Array {
  return vector.map((value) => {
    if (value === 0 || !Number.isFinite(value)) return value;
    const exponent = Math.max(SMALLEST_EXPONENT, Math.floor(Math.log2(Math.abs(value))));
    const step = 2 ** (exponent - DIGITS);
    const rounded = roundHalfToEven(value / step) * step;
    return Math.abs(rounded) > LARGEST ? Math.sign(value) * Number.POSITIVE_INFINITY : rounded;
  });
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
