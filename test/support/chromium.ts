import { inject, type TestContext } from 'vitest';

/** Path of the browser of this run; skips the test where there is none (the start of the run has said so, loudly). */
export function requireChromium(context: Pick<TestContext, 'skip'>): string {
  return inject('chromium') ?? context.skip('no Chromium on this machine');
}
