import { z } from 'zod';
import { type CollectionSettings, collectionSettings } from '../ingest/collection-settings.ts';

/** The settings of a collection, each as it is given: what is left out is not filled in. */
export const settingFields = Object.fromEntries(
  Object.entries(collectionSettings.shape).map(([name, setting]) => [
    name,
    (setting instanceof z.ZodDefault ? setting.unwrap() : setting).optional(),
  ]),
  // What `fromEntries` cannot tell the compiler.
) as unknown as SettingFields;

type SettingFields = {
  readonly [Name in keyof typeof collectionSettings.shape]: z.ZodOptional<z.ZodType<Setting<Name>>>;
};
type Setting<Name extends keyof CollectionSettings> = Exclude<CollectionSettings[Name], undefined>;

/** Settings that a collection that exists need only agree with. */
export const givenSettings = z.strictObject(settingFields);

/** Settings without those that were not given. */
export function settingsOf(given: z.output<typeof givenSettings>): CollectionSettings {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
