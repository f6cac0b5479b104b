import { createWriteStream } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type pg from 'pg';
import { loadConfig } from '../../config.js';
import { exportArchive } from '../../database/archive/export-archive.js';
import { packageManifest } from '../../kernel/package.js';
import { CommandFailure } from '../command-failure.js';
import { withCleanup } from './cleanup.js';
import { requireMigrated, withConnection } from './configured-database.js';
import { exitCodes, UsageError } from './failure.js';
import { RowProgress } from './progress.js';
import { note, printJson } from './terminal.js';

export interface ExportOptions {
  force?: true;
  json?: true;
}

/**
 * Writes everything that the database holds to a file, or to standard output for `-`; compressed when the name ends in `.gz`.
 * The file appears when it is whole; it holds hashes of credentials, so only its owner may read it.
 */
export async function exportDatabase(file: string, { force, json }: ExportOptions): Promise<void> {
  if (file === '-' && json) throw new UsageError('--json has no place where the export itself goes to standard output.');
  if (file !== '-' && !force) await requireMissing(file);
  const progress = new RowProgress('exported');
  await withConnection({ config: loadConfig() }, async (client) => {
    await requireMigrated(client);
    if (file === '-') await writeToStandardOutput(client, progress);
    else await writeFile(client, file, progress);
  });
  if (json) printJson({ file, rows: progress.total });
  else note(`Exported ${progress.total} rows${file === '-' ? '' : ` to ${file}`}.`);
}

async function requireMissing(file: string): Promise<void> {
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (exists) throw new CommandFailure(`${file} is there already. Choose another name, or replace it with --force.`);
}

async function writeToStandardOutput(client: pg.Client, progress: RowProgress): Promise<void> {
  // Should the reader leave early, which ends the process, it has got half an export: that is a failure.
  process.exitCode = exitCodes.failed;
  await write(client, process.stdout, { progress, isCompressed: false });
  process.exitCode = exitCodes.ok;
}

/** Written aside and renamed, so that a file of this name is always a whole export. */
async function writeFile(client: pg.Client, file: string, progress: RowProgress): Promise<void> {
  const aside = `${file}.${process.pid}.partial`;
  await withCleanup(
    () => rm(aside, { force: true }),
    async () => {
      const output = createWriteStream(aside, { mode: 0o600, flush: true });
      await write(client, output, { progress, isCompressed: file.endsWith('.gz') }).catch((error: NodeJS.ErrnoException) => {
        if (error.syscall === undefined) throw error;
        throw new CommandFailure(`Cannot write ${file}: ${error.message}.`, { cause: error });
      });
      await rename(aside, file);
    },
  );
}

async function write(
  client: pg.Client,
  output: Writable,
  { progress, isCompressed }: { progress: RowProgress; isCompressed: boolean },
): Promise<void> {
  const text = Readable.from(exportArchive(client, { version: packageManifest().version, progress }));
  try {
    if (isCompressed) await pipeline(text, createGzip(), output);
    else await pipeline(text, output, { end: output !== process.stdout });
  } finally {
    progress.end();
  }
}
