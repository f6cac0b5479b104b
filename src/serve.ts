import { startApp } from './app.js';
import type { Config } from './config.js';
import { collectGarbage } from './kernel/collect-garbage.js';
import { createLogger } from './kernel/logger.js';

/**
 * Runs a server until SIGTERM or SIGINT, and then ends the process. Throws when the server cannot start.
 * After a SIGTERM it still serves for a while, until load balancers have noticed; a SIGINT, which is somebody at a terminal, and any second
 * signal end that at once.
 */
export async function serve(config: Config): Promise<void> {
  const logger = createLogger(config.LOG_LEVEL);
  const starting = startApp(config, { logger });

  // From the first moment: a server that is told to stop while it starts must let go of its database as well.
  let isStopping = false;
  const hurry = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, async () => {
      if (isStopping || signal === 'SIGINT') hurry.abort();
      if (isStopping) return;
      isStopping = true;
      logger.info({ signal }, 'Stopping: finishing what is in flight');
      try {
        const app = await starting;
        await app.drain(hurry.signal);
        await app.stop();
        process.exit(0);
      } catch (error) {
        logger.error({ err: error }, 'Could not stop cleanly');
        process.exit(1);
      }
    });
  }
  await starting;
  await collectGarbage();
}
