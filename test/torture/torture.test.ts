import { describe, expect, it } from 'vitest';
import { runScenario } from './report.js';
import { scenarios } from './scenarios.js';

/** A moment of faults for each, and agents that leave something of the machine to other tests; the long form is `npm run torture`. */
const settings = { seed: 1, durationMs: 500, pauseMs: 250, backlogSize: 20 };

describe('with the faults of', () => {
  for (const scenario of scenarios) {
    it(`${scenario.name}, nothing is lost, doubled, stale or stuck`, { timeout: 120_000 }, async ({ skip }) => {
      const obstacle = scenario.impossible?.();
      if (obstacle) skip(obstacle);

      const report = await runScenario(scenario, settings);

      expect(report.violations).toEqual([]);
      expect(report.acknowledged).toBeGreaterThan(20);
      expect(report.receptions).toBeGreaterThan(20);
    });
  }
});
