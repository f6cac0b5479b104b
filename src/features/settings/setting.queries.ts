import type { Viewer } from '../../auth/viewer.js';
import type { Sql, Statement } from '../../database/database.js';
import { definitionOf, type SettingKey, type SettingView, settingKeys } from './setting.model.js';

/** A stored setting as it stands in the database. */
export interface StoredSetting {
  key: SettingKey;
  /** Encrypted when `isEncrypted`. */
  value: string;
  isEncrypted: boolean;
  updatedAt: Date;
}

/** The settings of an organization, of those named, that are stored. */
export function storedSettings(sql: Sql, organizationId: string, keys: readonly SettingKey[]): Promise<StoredSetting[]> {
  return sql.query<StoredSetting>(storedSettingsStatement, [organizationId, keys]);
}

/** Every setting there is, stored or not, without the values of secrets. */
export async function listSettings(sql: Sql, viewer: Viewer): Promise<SettingView[]> {
  const stored = new Map((await storedSettings(sql, viewer.organizationId, settingKeys)).map((row) => [row.key, row]));
  return settingKeys.map((key) => {
    const { label, isSecret = false } = definitionOf(key);
    const row = stored.get(key);
    const value = row && !row.isEncrypted ? row.value : null;
    return { key, label, isSecret, isSet: row !== undefined, value, updatedAt: row?.updatedAt ?? null };
  });
}

const storedSettingsStatement: Statement = {
  name: 'settings-stored',
  text: `select key, value, is_encrypted as "isEncrypted", updated_at as "updatedAt" from setting
    where organization_id = $1::uuid and key = any($2::text[])`,
};
