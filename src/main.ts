import { startApp } from './app.js';
import { ConfigError, loadConfig } from './config.js';
import { createLogger } from './kernel/logger.js';

try {
  const config = loadConfig();
  const logger = createLogger(config.LOG_LEVEL);
  const app = await startApp(config, { logger });
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      logger.info({ signal }, 'Stopping: finishing what is in flight');
      app.stop().then(
        () => process.exit(0),
        (error) => {
          logger.error({ err: error }, 'Could not stop cleanly');
          process.exit(1);
        },
      );
    });
  }
} catch (error) {
  // Expected reasons not to start are told in one sentence; only a bug shows its stack.
  process.stderr.write(`${error instanceof ConfigError || error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
