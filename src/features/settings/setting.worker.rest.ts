import { z } from '@hono/zod-openapi';
import { endpoint } from '../../rest/endpoint.js';
import { worker } from '../../rest/worker.js';
import { type SettingChange, settingChange } from './setting.inputs.js';
import { definitionOf, type SettingIssue, type SettingKey, type SettingView, settingKeys } from './setting.model.js';
import { listSettings } from './setting.queries.js';

/** Field by field what a PUT takes: whoever sends back what a GET showed of a secret, true or false, is told so. */
const changes = z
  .strictObject(
    Object.fromEntries(settingKeys.map((key) => [key, valueField(key)])) as Record<SettingKey, ReturnType<typeof valueField>>,
  )
  .openapi('SettingValues');

const settingMap = z
  .record(z.string(), z.union([z.boolean(), z.string(), z.null()]))
  .openapi('Settings', { example: { AGENT_MODEL: 'a-model', AGENT_API_KEY: true, MAX_CONCURRENT_AGENTS: null } });

const issue = z
  .object({ key: z.string(), label: z.string(), reason: z.string().openapi({ description: 'What goes wrong because of it.' }) })
  .openapi('SettingIssue');

const mapAnswer = { description: 'Every setting: of a secret whether it is set, else its value or null.', schema: settingMap };

export const settingEndpoints = [
  endpoint({
    dialect: worker,
    method: 'get',
    path: '/api/settings',
    summary: 'Show the settings.',
    description: 'A coordinator reads `MAX_CONCURRENT_AGENTS` here in each cycle; it is null unless somebody has set it.',
    answers: { 200: mapAnswer },
    handle: async ({ database, viewer }) => ({ status: 200, body: toMap(await listSettings(database, viewer)) }),
  }),
  endpoint({
    dialect: worker,
    method: 'put',
    path: '/api/settings',
    summary: 'Change settings.',
    description: 'What is left out stays; empty or null removes. Takes the scope ADMIN.',
    body: changes,
    answers: { 200: mapAnswer },
    failures: { 503: 'A secret was given, and the server has no key to encrypt it with.' },
    handle: async ({ viewer, body, run }) => {
      const settings = Object.values(body).filter((change): change is SettingChange => change !== undefined);
      const updated = await run((services) => services.settings.update(viewer, { settings }));
      return { status: 200, body: toMap(updated.settings) };
    },
  }),
  endpoint({
    dialect: worker,
    method: 'get',
    path: '/api/settings/check',
    summary: 'Say whether agents can work with the settings as they are.',
    answers: {
      200: {
        description: 'What is missing, and what is better mended.',
        schema: z
          .object({ ready: z.boolean(), missing_required: z.array(issue), warnings: z.array(issue) })
          .openapi('SettingsCheck'),
      },
    },
    handle: async ({ viewer, run }) => {
      const { ready, missingRequired, warnings } = await run((services) => services.settings.check(viewer));
      return { status: 200, body: { ready, missing_required: missingRequired, warnings } satisfies Check };
    },
  }),
];

interface Check {
  ready: boolean;
  missing_required: SettingIssue[];
  warnings: SettingIssue[];
}

/** Numbers and booleans are taken as text, save where a boolean could be meant for what a GET shows of a secret. */
function valueField(key: SettingKey) {
  const { label, isSecret } = definitionOf(key);
  const change = z.preprocess(
    (value) => (!isSecret && (typeof value === 'number' || typeof value === 'boolean') ? String(value) : value),
    settingChange(key),
  );
  return change.optional().openapi({ type: ['string', 'null'], description: `${label}.${isSecret ? ' A secret.' : ''}` });
}

function toMap(settings: SettingView[]): Record<string, boolean | string | null> {
  return Object.fromEntries(settings.map(({ key, isSecret, isSet, value }) => [key, isSecret ? isSet : value]));
}
