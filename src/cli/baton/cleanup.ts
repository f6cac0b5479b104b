import { constants } from 'node:os';

type Cleanup = () => Promise<void>;

/** What has to be undone if the process is told to stop; the last first. */
const cleanups: Cleanup[] = [];
let isListening = false;

/** Runs `work` and then `cleanup`, also when the work fails, and also when the process is told to stop meanwhile. */
export async function withCleanup<T>(cleanup: Cleanup, work: () => Promise<T>): Promise<T> {
  listen();
  cleanups.push(cleanup);
  try {
    return await work();
  } finally {
    // A signal may have run it already.
    const index = cleanups.lastIndexOf(cleanup);
    if (index >= 0) {
      cleanups.splice(index, 1);
      await cleanup();
    }
  }
}

function listen(): void {
  if (isListening) return;
  isListening = true;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, async () => {
      for (let last = cleanups.pop(); last; last = cleanups.pop()) await last().catch(() => {});
      // As a shell reports a process that the signal ended.
      process.exit(128 + constants.signals[signal]);
    });
  }
}
