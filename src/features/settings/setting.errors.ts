import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';
import type { SettingKey } from './setting.model.js';

/** A secret was to be stored, and the server has no key to encrypt it with. */
export class SecretKeyMissingError extends DomainError {
  readonly code = 'SECRET_KEY_MISSING' satisfies ErrorCode;

  constructor(key: SettingKey) {
    super(
      `The setting ${key} is a secret, and the server has no key to encrypt it with. Start it with TERARCHITECT_SECRET_KEY set to 64 hexadecimal digits, such as \`openssl rand -hex 32\` prints.`,
      { path: ['settings'] },
    );
  }
}

/** A secret is stored and cannot be decrypted: the server has no key, has another one, or the stored text is damaged. */
export class SettingUnreadableError extends DomainError {
  readonly code = 'SETTING_UNREADABLE' satisfies ErrorCode;

  constructor(readonly facts: { key: SettingKey; problem: 'KEY_MISSING' | 'KEY_CHANGED' | 'DAMAGED' }) {
    super(
      `The secret setting ${facts.key} is stored and cannot be read: ${problems[facts.problem]}. Set it again, remove it, or start the server with the key it was stored under.`,
    );
  }
}

const problems = {
  KEY_MISSING: 'the server has no TERARCHITECT_SECRET_KEY',
  KEY_CHANGED: 'it was encrypted under another TERARCHITECT_SECRET_KEY',
  DAMAGED: 'what is stored was changed since it was encrypted',
} as const;
