import { field } from './fields.ts';

/**
 * A vector as little-endian float16 bytes, two for each number: rounded to the nearest, so about three decimal digits
 * stay. Numbers beyond 65,504 become infinite; those of unit vectors are far from it.
 */
export const float16 = field<Float32Array>('float16 vector', toFloat16, (wire) => {
  if (typeof wire === 'string')
    throw new Error('read as text; binary fields need a connection mapped to buffers');
  if (wire.byteLength % 2 !== 0)
    throw new Error(`${wire.byteLength} bytes are not a whole number of float16 values`);
  const vector = new Float32Array(wire.byteLength / 2);
  for (let at = 0; at < vector.length; at += 1) vector[at] = fromHalf(wire.readUInt16LE(at * 2));
  return vector;
});

function toFloat16(vector: Float32Array): Buffer {
  const bits = new Uint32Array(vector.buffer.slice(vector.byteOffset, vector.byteOffset + vector.byteLength));
  const bytes = Buffer.allocUnsafe(vector.length * 2);
  for (let at = 0; at < bits.length; at += 1) bytes.writeUInt16LE(toHalf(bits[at] as number), at * 2);
  return bytes;
}

/** The bits of a float32 as those of the nearest float16, ties to even. */
function toHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  // Not a number, infinite, or rounded up to infinity.
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= 0x477f_f000) return sign | 0x7c00;
  // Below the smallest normal number the leading one is written out, and the steps are all of one size.
  if (magnitude < 0x3880_0000) {
    const shift = 126 - (magnitude >>> 23);
    if (shift > 24) return sign;
    return sign | roundShifted((magnitude & 0x7f_ffff) | 0x80_0000, shift);
  }
  return sign | roundShifted(magnitude - 0x3800_0000, 13);
}

function roundShifted(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
