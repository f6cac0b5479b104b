import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, for what they wait for more than for what they do. */
const longFiles = [
  'test/torture/torture',
  'test/browser/accessibility',
  'test/processes',
  'test/worker/agent-runner',
  'test/rolling-restart',
];

/** Begins with the long files, which would else be the last to end, alone: vitest goes by the size of files that it has not run before. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = longFiles.findIndex((name) => moduleId.endsWith(`${name}.test.ts`));
      return index < 0 ? longFiles.length : index;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  // Vite would load graphql's ES modules beside the CommonJS ones that every dependency loads: two copies, two realms.
  resolve: {
    alias: [{ find: /^graphql$/, replacement: fileURLToPath(new URL('./node_modules/graphql/index.js', import.meta.url)) }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    // Processes, not threads: tests send signals and start servers of their own.
    pool: 'forks',
    // A process loads the server and its packages once, not for each file: files leave nothing behind but loaded modules.
    isolate: false,
    // Postgres and Redis share the cores with the tests, and their connections are counted; but much of a test is waiting.
    maxWorkers: 4,
    // What is waited for comes when it comes on a busy machine; what never comes fails all the same.
    expect: { poll: { timeout: 10_000 } },
    sequence: { sequencer: LongestFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
