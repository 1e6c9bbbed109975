import { z } from 'zod';

/** What the OpenAPI document says of a field: what it means, and its JSON type where the schema itself has none. */
export interface FieldNote {
  readonly description: string;
  readonly type?: string;
  readonly items?: { readonly type: string };
}

/** The same strict object, each field with its note. */
export function describeFields<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  notes: { readonly [Name in keyof Shape]: FieldNote | string },
): z.ZodObject<Shape, z.core.$strict> {
  const described = Object.entries(shape).map(([name, field]) => {
    const note = notes[name as keyof Shape];
    return [name, (field as z.ZodType).meta(typeof note === 'string' ? { description: note } : { ...note })];
  });
  return z.strictObject(Object.fromEntries(described)) as unknown as z.ZodObject<Shape, z.core.$strict>;
}
