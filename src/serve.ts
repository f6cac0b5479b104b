import { startApp } from './app.js';
import type { Config } from './config.js';
import { collectGarbage } from './kernel/collect-garbage.js';
import { createLogger } from './kernel/logger.js';

/** Runs a server until SIGTERM or SIGINT, and then ends the process. Throws when the server cannot start. */
export async function serve(config: Config): Promise<void> {
  const logger = createLogger(config.LOG_LEVEL);
  const starting = startApp(config, { logger });

  // From the first moment: a server that is told to stop while it starts must let go of its database as well.
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, async () => {
      if (isStopping) return;
      isStopping = true;
      logger.info({ signal }, 'Stopping: finishing what is in flight');
      try {
        await (await starting).stop();
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
