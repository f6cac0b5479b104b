import { z } from 'zod';
import { Secret } from '../../kernel/secret.js';
import { type CommandOf, commandInput, listOf, longText } from '../input-fields.js';
import { definitionOf, type SettingKey, settingKeys, settingLengthMax } from './setting.model.js';

/** What is to become of one setting. A secret goes no further in plain text: not into a stored answer, not into a log. */
export type SettingChange = { key: SettingKey; value: string | Secret } | { key: SettingKey; isRemoved: true };

const valueText = longText('Its new value; blanks around it are cut. Null or empty removes the setting.', settingLengthMax);

/** What becomes of the setting by the value that a caller gives it. */
export function settingChange(key: SettingKey) {
  const { isSecret, rule } = definitionOf(key);
  return valueText
    .nullable()
    .transform((text) => text?.trim() || null)
    .refine((value) => value === null || !rule || rule.accepts(value), { error: rule?.says })
    .transform((value): SettingChange => {
      if (value === null) return { key, isRemoved: true };
      return { key, value: isSecret ? new Secret(value) : value };
    });
}

const settingValue = z
  .object({
    key: z.enum(settingKeys).meta({ graphql: 'SettingKey', description: 'Which setting.' }),
    value: valueText.nullish(),
  })
  .meta({ graphql: 'SettingValueInput', description: 'One setting to change.' });

export const settingsUpdateInput = commandInput({
  settings: listOf(settingValue, 1, 100)
    .transform((values, context): SettingChange[] => {
      const changes = new Map<SettingKey, SettingChange>();
      for (const [index, { key, value = null }] of values.entries()) {
        const change = settingChange(key).safeParse(value);
        if (change.success) changes.set(key, change.data);
        for (const { message } of change.error?.issues ?? []) {
          context.addIssue({ code: 'custom', path: [index, 'value'], message });
        }
      }
      return [...changes.values()];
    })
    .describe('The settings to change, at most 100; all others stay as they are. One that is named twice gets the last value.'),
});

export type SettingsUpdate = CommandOf<typeof settingsUpdateInput>;
