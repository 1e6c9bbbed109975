/** What a field must still hold when a script writes, as an argument: `=` and the value, or empty for an absent one. */
export function expected(value: Buffer | null | undefined): Buffer {
  return value ? Buffer.concat([EQUALS, value]) : ABSENT;
}

const EQUALS = Buffer.from('=');
const ABSENT = Buffer.alloc(0);
