import type { BenchContext } from './context.js';

/** One benchmark: `bench/<name>/<name>.bench.ts` exports it by the name `benchmark`. */
export interface Benchmark {
  /** As `--only` takes it. */
  name: string;
  /** One sentence: what is done, by how many. */
  description: string;
  /** Measures, and checks that the work was done. Processes and databases that it made are ended and dropped after it. */
  run(context: BenchContext): Promise<Measurement[]>;
}

/** One line of the table, in the unit named: ours beside others that do the same work. */
export interface Measurement {
  /** Begins with the name of the benchmark. */
  name: string;
  /** Such as `requests/s`; whether more of it is better is said by the goals. */
  unit: string;
  ours: number;
  /** By name. */
  peers: Record<string, number>;
  /** What the parts under it can do at best; null where nothing was measured. */
  limit: number | null;
  /** What the limit is, such as `bare node:http`. */
  limitName?: string;
  goals: Goal[];
  /** Other figures that help to read this one, by name with their unit; they are not compared. */
  facts?: Record<string, number>;
}

/**
 * What is to be reached. `against` is the name of a peer or of the limit: the goal is then for `ours` divided by that one.
 * Without it the goal is for `ours` itself, in its unit.
 */
export type Goal = { against?: string } & ({ atLeast: number } | { atMost: number });

/** Figures of one round, by name. */
export type Figures = Record<string, number>;

export interface RoundsOptions {
  /** Rounds that count. */
  rounds: number;
  /** Rounds before them, which do not; 1 unless given. */
  warmUps?: number;
}

/**
 * Lets the sides take turns, so that a slow moment of the machine hits all alike, and returns each side's medians.
 * The order turns round from one round to the next, so that none always comes after the same one.
 */
export async function alternateRounds<Name extends string, Side, Round extends Figures>(
  sides: Record<Name, Side>,
  options: RoundsOptions,
  playRound: (side: Side, name: Name, round: number) => Promise<Round>,
): Promise<Record<Name, Round>> {
  const names = Object.keys(sides) as Name[];
  const played = new Map<Name, Round[]>(names.map((name) => [name, []]));
  const { rounds, warmUps = 1 } = options;
  for (let round = -warmUps; round < rounds; round++) {
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) {
      const figures = await playRound(sides[name], name, round);
      if (round >= 0) played.get(name)?.push(figures);
    }
  }
  return Object.fromEntries(names.map((name) => [name, mediansOf(played.get(name) ?? [])])) as Record<Name, Round>;
}

function mediansOf<Round extends Figures>(rounds: Round[]): Round {
  const [first] = rounds;
  if (!first) throw new Error('no round was played');
  const names = Object.keys(first);
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((figures) => figures[name] ?? Number.NaN))])) as Round;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** The value below which this share of the values lies; the values have to be sorted. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** A benchmark found its work not done, or done wrongly: its figures mean nothing. */
export class BenchmarkCheckError extends Error {
  constructor(message: string) {
    super(`A check failed: ${message}`);
    this.name = 'BenchmarkCheckError';
  }
}

/** Throws BenchmarkCheckError, which fails the whole run, unless the condition holds. */
export function check(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BenchmarkCheckError(message);
}
