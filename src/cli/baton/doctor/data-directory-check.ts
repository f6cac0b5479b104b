import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../../config.js';
import { embeddedMajorVersion } from '../../../database/embedded/binaries.js';
import type { EmbeddedPostgresState } from '../../../database/embedded/embedded-postgres.js';
import { type Finding, fail, ok, warn } from './finding.js';

/** Bytes that should be free: below the first it is time to act, below the second Postgres may stop any moment. */
const freeBytesWanted = 1_073_741_824;
const freeBytesLeast = 134_217_728;

/** Whether the embedded Postgres can keep its data; `state` is null when it has none yet. */
export async function checkDataDirectory({ DATA_DIR }: Config, state: EmbeddedPostgresState | null): Promise<Finding> {
  const directory = path.resolve(DATA_DIR);
  const place = state?.dataDirectory ?? (await nearestExisting(directory));
  if (!state) {
    const isWritable = await access(place, constants.W_OK).then(
      () => true,
      () => false,
    );
    if (!isWritable) {
      return fail(
        'data',
        `${directory} is not there, and ${place} is not ours to write.`,
        'Set DATA_DIR to a directory of your own.',
      );
    }
  }
  const free = await freeBytes(place);
  const room = `${formatBytes(free)} free`;
  if (free < freeBytesLeast) return fail('data', `Only ${room} at ${place}.`, 'Free space before Postgres has to stop.');
  const found = state
    ? await foundIn(state, room)
    : ok('data', `No data in ${directory} yet: the first start makes it. ${room}.`);
  if (found.status === 'ok' && free < freeBytesWanted) return warn('data', found.detail, 'Free space soon.');
  return found;
}

async function foundIn({ dataDirectory, running }: EmbeddedPostgresState, room: string): Promise<Finding> {
  const version = running ? null : await readFile(path.join(dataDirectory, 'PG_VERSION'), 'utf8').then((text) => text.trim());
  const ours = await embeddedMajorVersion();
  if (version !== null && version !== ours) {
    return fail(
      'data',
      `The data in ${dataDirectory} is of Postgres ${version}, and this Baton brings Postgres ${ours}.`,
      'Export it with the Baton that wrote it, and import it into a new DATA_DIR.',
    );
  }
  const user = running ? `used by process ${running.ownerPid}` : 'used by nobody at the moment';
  return ok('data', `The embedded Postgres in ${dataDirectory}, ${user}; ${room}.`);
}

async function nearestExisting(directory: string): Promise<string> {
  const exists = await stat(directory).then(
    () => true,
    () => false,
  );
  return exists || path.dirname(directory) === directory ? directory : nearestExisting(path.dirname(directory));
}

async function freeBytes(place: string): Promise<number> {
  const { bavail, bsize } = await statfs(place);
  return bavail * bsize;
}

function formatBytes(bytes: number): string {
  return `${(bytes / 1_073_741_824).toFixed(1)} GiB`;
}
