import { type Config, ConfigError, loadConfig } from '../../../config.js';
import { packageManifest } from '../../../kernel/package.js';
import { type Finding, fail, ok, warn } from './finding.js';

/** Whether this Node is new enough. */
export function checkNode(): Finding {
  const { engines } = packageManifest();
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = (/(\d+)\.(\d+)/.exec(engines.node) ?? []).slice(1).map(Number);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return ok('node', `Node ${process.versions.node}.`);
  return fail('node', `Node ${process.versions.node}; Baton needs ${engines.node}.`, 'Install a newer Node.');
}

/** Reads the configuration; null, with a finding that has every problem, when it cannot be used. */
export function checkConfiguration(): { config: Config | null; finding: Finding } {
  try {
    return { config: loadConfig(), finding: ok('configuration', 'Every variable can be used.') };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map((problem) => `${problem}.`).join('\n');
    return {
      config: null,
      finding: fail('configuration', problems, 'Correct the environment; the README lists every variable.'),
    };
  }
}

/** Who may call, as far as the configuration tells. */
export function checkAccess({ ADMIN_TOKEN, HOST, QUEUE_AUTH }: Config): Finding {
  const isLoopback = HOST === 'localhost' || HOST === '::1' || HOST.startsWith('127.');
  if (!ADMIN_TOKEN) {
    return ok('access', 'Open development mode, on loopback only: every program on this machine is the operator.');
  }
  if (QUEUE_AUTH === 'off' && !isLoopback) {
    return warn(
      'access',
      `QUEUE_AUTH is off and HOST is ${HOST}: whoever reaches the server may work in the default organization.`,
      'Keep the port inside of a network that you trust, or set QUEUE_AUTH to on.',
    );
  }
  const reach = isLoopback ? 'The server listens on loopback.' : 'The server speaks plain HTTP: put TLS in front of it.';
  return ok('access', `Every call needs a credential. ${reach}`);
}
