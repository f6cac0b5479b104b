import { createLogger, type Logger } from '../../src/kernel/logger.js';

/** A logger whose lines a test can read. */
export function captureLog(level = 'info'): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  return { logger: createLogger(level, { write: (line: string) => void lines.push(line) }), lines };
}
