import { Session } from 'node:inspector/promises';

/**
 * Gives back the memory that nothing needs any more, and the pages with it; the process stands still for some 50 ms. For the
 * end of the start: loading the program leaves some 30 MB, which V8 alone would keep until there is load.
 */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.collectGarbage');
  } finally {
    session.disconnect();
  }
}
