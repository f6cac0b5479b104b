import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { loadConfig } from '../../config.js';
import { importArchive } from '../../database/archive/import-archive.js';
import { CommandFailure } from '../command-failure.js';
import { requireMigrated, withConnection } from './configured-database.js';
import { RowProgress } from './progress.js';
import { note, printJson } from './terminal.js';

/** Puts an export, from a file or from standard input for `-`, into a database that is migrated and empty. */
export async function importDatabase(file: string, { json }: { json?: true }): Promise<void> {
  const source = await openSource(file);
  const progress = new RowProgress('imported');
  try {
    const result = await withConnection({ config: loadConfig() }, async (client) => {
      await requireMigrated(client);
      return importArchive(client, source, { progress });
    });
    if (json) printJson({ exportedAt: result.exportedAt, rows: result.rows });
    else
      note(
        `Imported ${progress.total} rows, exported at ${result.exportedAt}. Clients that resume from a cursor are told to resync.`,
      );
  } finally {
    progress.end();
    source.destroy();
  }
}

async function openSource(file: string): Promise<Readable> {
  if (file === '-') return process.stdin;
  try {
    return (await open(file)).createReadStream();
  } catch (error) {
    throw new CommandFailure(`Cannot read ${file}: ${(error as Error).message}.`, { cause: error });
  }
}
