import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

/** Where a credential could stand in what we log; such values are replaced by `[redacted]`. */
const secretPaths = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'apiKey',
  '*.authorization',
  '*.cookie',
  '*.password',
  '*.secret',
  '*.token',
  '*.apiKey',
  'req.headers.authorization',
  'req.headers.cookie',
];

/** One JSON line per entry, to standard output unless `destination` is given; credentials are redacted. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  return pino({ level, base: undefined, redact: { paths: secretPaths, censor: '[redacted]' } }, destination);
}
