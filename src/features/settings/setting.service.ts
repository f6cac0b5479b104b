import { requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database, Statement } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import { lockName } from '../../database/row-lock.js';
import { Secret } from '../../kernel/secret.js';
import { defaultOrganizationId } from '../organizations/organization.model.js';
import type { SettingCipher } from './setting.cipher.js';
import { SecretKeyMissingError, SettingUnreadableError } from './setting.errors.js';
import type { SettingEventData } from './setting.events.js';
import type { SettingsUpdate } from './setting.inputs.js';
import {
  issueWith,
  requiredSettings,
  type SettingIssue,
  type SettingKey,
  type SettingsCheck,
  type SettingView,
  settingKeys,
} from './setting.model.js';
import { listSettings, type StoredSetting, storedSettings } from './setting.queries.js';

/** What settings need from the configuration. */
export interface SettingOptions {
  /** Null without a secret key: then no secret can be stored or read. */
  settingCipher: SettingCipher | null;
  /** `TERARCHITECT_WORKER_API_KEY` of the environment. */
  workerApiKey: string | undefined;
}

/** The commands on settings, and what the server itself reads of them. */
export class SettingService {
  constructor(
    private readonly database: Database,
    private readonly options: SettingOptions,
  ) {}

  /**
   * Stores and removes settings, all of them or none; those that are not named stay as they are.
   * Throws ForbiddenError, SecretKeyMissingError.
   */
  async update(viewer: Viewer, { settings }: SettingsUpdate): Promise<{ settings: SettingView[] }> {
    requireScope(viewer, 'ADMIN');
    const { organizationId } = viewer;
    const rows = settings.flatMap((change) => {
      if ('isRemoved' in change) return [];
      const { key, value } = change;
      if (!(value instanceof Secret)) return [{ key, value, isEncrypted: false }];
      return [{ key, value: this.#encrypt(organizationId, key, value), isEncrypted: true }];
    });
    const unwanted = settings.flatMap((change) => ('isRemoved' in change ? [change.key] : []));
    return this.database.transaction(async (tx) => {
      await lockName(tx, organizationId, 'settings');
      const changed = await tx.query<{ key: SettingKey }>(writeSettingsStatement, [
        organizationId,
        rows.map(({ key }) => key),
        rows.map(({ value }) => value),
        rows.map(({ isEncrypted }) => isEncrypted),
      ]);
      const removed = await tx.query<{ key: SettingKey }>(removeSettingsStatement, [organizationId, unwanted]);
      if (changed.length + removed.length > 0) {
        const data = {
          set: changed.map(({ key }) => key).sort(),
          removed: removed.map(({ key }) => key).sort(),
        } satisfies SettingEventData['SettingsChanged'];
        const event = { organizationId, type: 'SettingsChanged', subjectId: organizationId, data };
        await appendEvents(tx, [{ ...stampOf(viewer), ...event }]);
      }
      return { settings: await listSettings(tx, viewer) };
    });
  }

  /**
   * The values of those settings that are set, secrets in plain text: for the server itself and for the running agents.
   * What it answers must not be logged, put into an event or kept with an idempotency key.
   * Throws SettingUnreadableError when a secret among them cannot be decrypted.
   */
  async effective(organizationId: string, keys: readonly SettingKey[]): Promise<Partial<Record<SettingKey, string>>> {
    const rows = await storedSettings(this.database, organizationId, keys);
    return Object.fromEntries(rows.map((row) => [row.key, this.#plain(organizationId, row)]));
  }

  /**
   * The key that worker processes of the organization must send: the stored one, else that of the environment, which is the
   * default organization's. Null when there is none. Throws SettingUnreadableError.
   */
  async workerKey(organizationId: string): Promise<string | null> {
    const { TERARCHITECT_WORKER_API_KEY: stored } = await this.effective(organizationId, ['TERARCHITECT_WORKER_API_KEY']);
    return stored ?? this.#environmentsKey(organizationId);
  }

  /** Says what agents lack to begin, and what is better set. What a coordinator gives them from its own environment is not known here. */
  async check(viewer: Viewer): Promise<SettingsCheck> {
    requireScope(viewer, 'READ');
    const rows = await storedSettings(this.database, viewer.organizationId, settingKeys);
    const stored = new Map(rows.map((row) => [row.key, row]));
    const missingRequired = requiredSettings(stored.get('WORKER_MODE')?.value ?? null).filter(({ key }) => !stored.has(key));
    const warnings = rows.flatMap((row) => this.#issueOfReading(viewer.organizationId, row) ?? []);
    if (!stored.has('github_agent_token')) {
      warnings.push(issueWith('github_agent_token', 'Agents push and open pull requests only if their environment has a token.'));
    }
    if (!stored.has('TERARCHITECT_WORKER_API_KEY') && this.#environmentsKey(viewer.organizationId) === null) {
      warnings.push(
        issueWith('TERARCHITECT_WORKER_API_KEY', 'In open development mode, whoever reaches the server may take jobs.'),
      );
    }
    const ready = missingRequired.length === 0 && !rows.some((row) => this.#issueOfReading(viewer.organizationId, row));
    return { ready, missingRequired, warnings };
  }

  #environmentsKey(organizationId: string): string | null {
    return (organizationId === defaultOrganizationId && this.options.workerApiKey) || null;
  }

  #encrypt(organizationId: string, key: SettingKey, secret: Secret): string {
    if (!this.options.settingCipher) throw new SecretKeyMissingError(key);
    return this.options.settingCipher.encrypt(secret.reveal(), { organizationId, key });
  }

  #plain(organizationId: string, { key, value, isEncrypted }: StoredSetting): string {
    if (!isEncrypted) return value;
    if (!this.options.settingCipher) throw new SettingUnreadableError({ key, problem: 'KEY_MISSING' });
    return this.options.settingCipher.decrypt(value, { organizationId, key });
  }

  #issueOfReading(organizationId: string, row: StoredSetting): SettingIssue | null {
    try {
      this.#plain(organizationId, row);
      return null;
    } catch (error) {
      if (error instanceof SettingUnreadableError) return issueWith(row.key, error.message);
      throw error;
    }
  }
}

/** Answers the settings that are other than before. Values: organization, keys, values, whether each is encrypted. */
const writeSettingsStatement: Statement = {
  name: 'settings-write',
  text: `insert into setting (organization_id, key, value, is_encrypted, updated_at)
    select $1::uuid, given.key, given.value, given.is_encrypted, clock_timestamp()
    from unnest($2::text[], $3::text[], $4::boolean[]) as given(key, value, is_encrypted)
    on conflict (organization_id, key) do update
      set value = excluded.value, is_encrypted = excluded.is_encrypted, updated_at = excluded.updated_at
      where (setting.value, setting.is_encrypted) is distinct from (excluded.value, excluded.is_encrypted)
    returning key`,
};

/** Answers those that there were. Values: organization, keys. */
const removeSettingsStatement: Statement = {
  name: 'settings-remove',
  text: 'delete from setting where organization_id = $1::uuid and key = any($2::text[]) returning key',
};
