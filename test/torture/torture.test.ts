import { describe, expect, it } from 'vitest';
import { runScenario } from './report.js';
import { scenarios } from './scenarios.js';

/** Milliseconds of faults for each; the long form is `npm run torture`. */
const durationMs = 500;

describe('with the faults of', () => {
  for (const scenario of scenarios) {
    it(`${scenario.name}, nothing is lost, doubled, stale or stuck`, { timeout: 120_000 }, async ({ skip }) => {
      const obstacle = scenario.impossible?.();
      if (obstacle) skip(obstacle);

      const report = await runScenario(scenario, { seed: 1, durationMs });

      expect(report.violations).toEqual([]);
      expect(report.acknowledged).toBeGreaterThan(20);
      expect(report.receptions).toBeGreaterThan(20);
    });
  }
});
