import { builder } from '../../graphql/builder.js';
import { eventType } from '../../graphql/event.js';
import { mutation } from '../../graphql/mutation.js';
import type { SettingEventData } from './setting.events.js';
import { settingsUpdateInput } from './setting.inputs.js';
import {
  definitionOf,
  type SettingIssue,
  type SettingKey,
  type SettingsCheck,
  type SettingView,
  settingKeys,
} from './setting.model.js';
import { listSettings } from './setting.queries.js';

const SettingKeyRef = builder.enumType('SettingKey', {
  description: 'Name of a setting: as the worker dialect writes it, in capitals.',
  values: Object.fromEntries(
    settingKeys.map((key) => {
      const { label, isSecret } = definitionOf(key);
      return [key.toUpperCase(), { value: key, description: `${label}.${isSecret ? ' A secret.' : ''}` }];
    }),
  ) as Record<string, { value: SettingKey; description: string }>,
});

const SettingRef = builder.objectRef<SettingView>('Setting').implement({
  description: 'One value that the worker dialect works with. Secrets are kept encrypted, and shown to nobody.',
  fields: (t) => ({
    key: t.expose('key', { type: SettingKeyRef, description: 'Which setting.' }),
    label: t.exposeString('label', { description: 'What people call it.' }),
    isSecret: t.exposeBoolean('isSecret', { description: 'Whether its value is kept encrypted and never shown.' }),
    isSet: t.exposeBoolean('isSet', { description: 'Whether it has a value.' }),
    value: t.exposeString('value', { nullable: true, description: 'Its value. Null when it has none, and always of a secret.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which its value was set. Null when it has none.',
    }),
  }),
});

builder.queryField('settings', (t) =>
  t.field({
    type: [SettingRef],
    description: 'Every setting there is, set or not.',
    resolve: (_root, _args, { database, viewer }) => listSettings(database, viewer),
  }),
);

const SettingIssueRef = builder.objectRef<SettingIssue>('SettingIssue').implement({
  description: 'A setting that is missing, or not as it should be.',
  fields: (t) => ({
    key: t.expose('key', { type: SettingKeyRef, description: 'Which setting.' }),
    label: t.exposeString('label', { description: 'What people call it.' }),
    reason: t.exposeString('reason', { description: 'What goes wrong because of it.' }),
  }),
});

const SettingsCheckRef = builder.objectRef<SettingsCheck>('SettingsCheck').implement({
  description: 'Whether agents can work with the settings as they are.',
  fields: (t) => ({
    ready: t.exposeBoolean('ready', {
      description: 'Whether nothing is missing that agents need, and every secret can be read.',
    }),
    missingRequired: t.expose('missingRequired', {
      type: [SettingIssueRef],
      description: 'What agents cannot begin without, unless their own environment has it.',
    }),
    warnings: t.expose('warnings', { type: [SettingIssueRef], description: 'What is better mended.' }),
  }),
});

builder.queryField('settingsCheck', (t) =>
  t.field({
    type: SettingsCheckRef,
    description: 'Whether agents can work with the settings as they are.',
    resolve: (_root, _args, { services, viewer }) => services.settings.check(viewer),
  }),
);

mutation('settingsUpdate', {
  description: 'Change settings, all of those named or, on any error, none; what is not named stays. Takes the scope ADMIN.',
  input: settingsUpdateInput,
  run: (services, context, input) => services.settings.update(context.viewer, input),
  payload: (t) => ({
    settings: t.field({
      type: [SettingRef],
      description: 'Every setting as it is now. Empty on errors.',
      resolve: (payload) => payload.settings ?? [],
    }),
  }),
});

eventType('SettingsChanged', null, (t) => ({
  set: t.field({
    type: [SettingKeyRef],
    description: 'The settings that have a new value; the values are not told.',
    resolve: (event) => (event.data as unknown as SettingEventData['SettingsChanged']).set,
  }),
  removed: t.field({
    type: [SettingKeyRef],
    description: 'The settings that were removed.',
    resolve: (event) => (event.data as unknown as SettingEventData['SettingsChanged']).removed,
  }),
}));
