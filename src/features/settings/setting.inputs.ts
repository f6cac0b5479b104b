import { z } from 'zod';
import { Secret } from '../../kernel/secret.js';
import { type CommandOf, commandInput, listOf, longText } from '../input-fields.js';
import { definitionOf, type SettingKey, settingKeys, settingLengthMax } from './setting.model.js';

const settingValue = z
  .object({
    key: z.enum(settingKeys).meta({ graphql: 'SettingKey', description: 'Which setting.' }),
    value: longText('Its new value; blanks around it are cut. Null, empty or left out removes the setting.', settingLengthMax)
      .nullish()
      .transform((value) => value?.trim() || null),
  })
  .meta({ graphql: 'SettingValueInput', description: 'One setting to change.' })
  .superRefine(({ key, value }, context) => {
    const { rule } = definitionOf(key);
    if (value !== null && rule && !rule.accepts(value)) context.addIssue({ code: 'custom', path: ['value'], message: rule.says });
  });

export const settingsUpdateInput = commandInput({
  settings: listOf(settingValue, 1, 100)
    .transform(toChanges)
    .describe('The settings to change, at most 100; all others stay as they are. One that is named twice gets the last value.'),
});

export type SettingsUpdate = CommandOf<typeof settingsUpdateInput>;

/** What to store and what to remove. A secret goes no further in plain text: not into a stored answer, not into a log. */
function toChanges(values: { key: SettingKey; value: string | null }[]) {
  const changes = [...new Map(values.map(({ key, value }) => [key, value]))];
  return {
    set: changes.flatMap(([key, value]) =>
      value === null ? [] : [{ key, value: definitionOf(key).isSecret ? new Secret(value) : value }],
    ),
    remove: changes.flatMap(([key, value]) => (value === null ? [key] : [])),
  };
}
