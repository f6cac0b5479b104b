import type { Violation } from './checker.js';
import { Random } from './random.js';
import type { Scenario, Settings } from './run.js';
import { Stage } from './stage.js';

/** What a scenario counted. */
export interface Report {
  name: string;
  description: string;
  seed: number;
  seconds: number;
  /** Requests that were answered with success, each once however often it was sent. */
  acknowledged: number;
  refused: number;
  /** Requests that nobody knows the fate of. */
  unknown: number;
  /** Attempts that may have reached a server and got no whole answer; most requests were answered when they were sent again. */
  unanswered: number;
  /** Events that subscribers were to receive, and that they received, all together. */
  events: number;
  receptions: number;
  counts: Record<string, number>;
  violations: Violation[];
}

/** Runs a scenario on a stage of its own, which is gone afterwards. */
export async function runScenario(
  scenario: Scenario,
  { seed, ...settings }: { seed: number } & Omit<Settings, 'random'>,
): Promise<Report> {
  const stage = new Stage();
  const started = performance.now();
  try {
    const { history, counts, violations } = await scenario.run(stage, { random: new Random(seed), ...settings });
    const count = (outcome: string) => history.operations.filter((operation) => operation.outcome === outcome).length;
    return {
      ...{ name: scenario.name, description: scenario.description, seed },
      seconds: Math.round((performance.now() - started) / 100) / 10,
      ...{ acknowledged: count('acknowledged'), refused: count('refused'), unknown: count('unknown') },
      unanswered: history.operations.reduce((sum, { unanswered }) => sum + unanswered, 0),
      events: new Set(history.subscribers.flatMap(({ receptions }) => receptions.map(({ cursor }) => cursor))).size,
      receptions: history.subscribers.reduce((sum, { receptions, count = 1 }) => sum + receptions.length * count, 0),
      ...{ counts, violations },
    };
  } finally {
    await stage.clear();
  }
}
