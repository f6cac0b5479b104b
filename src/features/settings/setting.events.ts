import type { SettingKey } from './setting.model.js';

/** What happened to settings, by event type: which ones, and never to what. */
export interface SettingEventData {
  SettingsChanged: { set: SettingKey[]; removed: SettingKey[] };
}
