/**
 * `claim`: agents claim tasks and complete them, each with its own API key, over GraphQL on HTTP, with events logged.
 *
 * Three forms: two requests for each task; one document that completes a task and claims the next; one document that completes ten
 * tasks (ten aliases of the 30 that a document may have) and claims ten more. All sides work on a queue that never runs dry, with as
 * many jobs in work at a time, and are measured over the same stretch of time in the middle of it.
 * `--quick` leaves out 128 agents, and the sides that no goal speaks of.
 *
 * Peers: graphile-worker, pg-boss and BullMQ, with handlers in process that do nothing (how each is set up stands in `peers/`), and
 * stock Yoga with one statement for each act, which cannot claim ten. Limits: pgbench with a plain claim statement alone,
 * by as many connections up to 32, which completes nothing; and node:http that answers as many requests and does nothing.
 */
import type { Benchmark, Figures, Goal, Measurement } from '../benchmark.js';
import { type Form, formNames } from './forms.js';
import { Queues } from './queues.js';

const agentCounts = [32, 128];
export const benchmark: Benchmark = {
  name: 'claim',
  description: `${agentCounts.join(' and ')} agents claim and complete tasks`,
  run: async (context) => {
    const queues = await Queues.start(context, {
      agentCountMax: Math.max(...agentCounts),
      readyCount: context.isQuick ? 20_000 : 100_000,
    });
    const window = { warmUpMs: context.isQuick ? 100 : 500, durationMs: context.roundMs };
    const measurements: Measurement[] = [];
    for (const agents of context.isQuick ? agentCounts.slice(0, 1) : agentCounts) {
      const figures = await context.alternate(queues.sides, (side) => side(agents, window));
      measurements.push(...formNames.flatMap((form) => measurementsOf(form, agents, figures)));
    }
    await queues.check();
    return measurements;
  },
};

const goals: Record<Form, Goal[]> = {
  'two requests': [{ against: 'graphile-worker', atLeast: 1.5 }],
  'one document': [
    { against: 'graphile-worker', atLeast: 3 },
    { against: 'pgbench, claims one by one', atLeast: 1 },
  ],
  'claims of ten': [{ against: 'BullMQ', atLeast: 1 }],
};

/** The rate of one form, and the processor time for each pair, which says more where the sides share their cores with others. */
function measurementsOf(form: Form, agents: number, figures: Record<string, Figures>): Measurement[] {
  const limitName = form === 'claims of ten' ? 'pgbench, claims of ten' : 'pgbench, claims one by one';
  const sides = {
    'stock Yoga': `stock Yoga, ${form}`,
    'graphile-worker': 'graphile-worker',
    'pg-boss': 'pg-boss',
    BullMQ: 'BullMQ',
    'bare node:http': `bare node:http, ${form}`,
  };
  const compare = (figure: 'pairsPerSecond' | 'cpuMs') => ({
    ours: figures[`ours, ${form}`]?.[figure] ?? Number.NaN,
    peers: Object.fromEntries(
      Object.entries(sides).flatMap(([name, side]) => {
        const value = figures[side]?.[figure];
        return value === undefined ? [] : [[name, value]];
      }),
    ),
    limit: figures[limitName]?.[figure] ?? null,
    limitName,
  });
  const { pairsPerSecond, cpuMs, ...facts } = figures[`ours, ${form}`] ?? {};
  const rate = compare('pairsPerSecond');
  const name = `claim: ${form}, ${agents} agents`;
  return [
    { name, unit: 'pairs/s', ...rate, goals: goals[form].filter(({ against }) => against !== limitName || rate.limit !== null) },
    { name: `${name}, processor time`, unit: 'ms/pair', ...compare('cpuMs'), goals: [], facts },
  ];
}
