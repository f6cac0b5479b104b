import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { SettingUnreadableError } from './setting.errors.js';
import type { SettingKey } from './setting.model.js';

/** Where an encrypted value belongs; it can be decrypted there and nowhere else. */
interface Place {
  organizationId: string;
  key: SettingKey;
}

const algorithm = 'aes-256-gcm';
const tagBytes = 16;

/**
 * Encrypts secret settings for the database: AES-256-GCM, bound to the organization and the setting's name, so that a
 * stored text which is moved to another row reads as damaged.
 *
 * Stored: `aes256gcm$key id$nonce$ciphertext and tag`, base64url. The key id is the beginning of a hash of the key, so that
 * a changed key is told from damage.
 */
export class SettingCipher {
  readonly #key: Buffer;
  readonly #keyId: string;

  /** @param hexKey 64 hexadecimal digits. */
  constructor(hexKey: string) {
    this.#key = Buffer.from(hexKey, 'hex');
    this.#keyId = createHash('sha256').update('setting key ').update(this.#key).digest('hex').slice(0, 12);
  }

  encrypt(text: string, place: Place): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv(algorithm, this.#key, nonce).setAAD(boundTo(place));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return ['aes256gcm', this.#keyId, nonce.toString('base64url'), sealed.toString('base64url')].join('$');
  }

  /** Throws SettingUnreadableError when it was stored under another key, for another place, or was changed since. */
  decrypt(stored: string, place: Place): string {
    const [scheme, keyId, nonce, sealed] = stored.split('$');
    if (scheme !== 'aes256gcm' || !nonce || !sealed) throw new SettingUnreadableError({ key: place.key, problem: 'DAMAGED' });
    if (keyId !== this.#keyId) throw new SettingUnreadableError({ key: place.key, problem: 'KEY_CHANGED' });
    try {
      const bytes = Buffer.from(sealed, 'base64url');
      const decipher = createDecipheriv(algorithm, this.#key, Buffer.from(nonce, 'base64url'), { authTagLength: tagBytes })
        .setAAD(boundTo(place))
        .setAuthTag(bytes.subarray(-tagBytes));
      return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]).toString('utf8');
    } catch {
      throw new SettingUnreadableError({ key: place.key, problem: 'DAMAGED' });
    }
  }
}

function boundTo({ organizationId, key }: Place): Buffer {
  return Buffer.from(`${organizationId}/${key}`);
}
