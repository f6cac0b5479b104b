import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

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
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
