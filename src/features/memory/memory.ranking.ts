/** A stem that a query asks for. */
export interface Term {
  lexeme: string;
  /** Documents of the project that have it. */
  frequency: number;
}

/** What the database looks for: a stem, what finding it is worth, and which word of the query it stands for. */
export interface WeightedTerm {
  lexeme: string;
  weight: number;
  /** Of several readings of one word, as of a misspelt one, the best counts. */
  word: number;
}

/** How a query is to be answered by words. */
export interface LexicalPlan {
  /** A document is looked at when it has one of these. */
  selecting: string[];
  terms: WeightedTerm[];
  /** The weights of all words of the query, also of those that no document has. */
  totalWeight: number;
}

/** A word that nobody wrote, and one much like it that somebody did. */
export interface Guess extends Term {
  asked: string;
  /** From 0, nothing in common, to 1, the same. */
  similarity: number;
}

/** Terms that one query is ranked by: those that say most. */
const termsMax = 24;

/** Documents beyond which a query's more common terms only rank what the rarer ones have found. */
const candidatesMax = 2000;

/**
 * Plans the ranking of a query: each term is worth what it tells documents apart by, the inverse of how many have it
 * (`idf` of BM25). Null when no document of the project has anything to do with the query.
 */
export function planLexical(
  words: readonly { terms: readonly Term[]; guesses: readonly Guess[] }[],
  documentCount: number,
): LexicalPlan | null {
  const weighted = words.map(({ terms, guesses }, word) => {
    const found = terms.some(({ frequency }) => frequency > 0);
    const readings = found ? terms.map((term) => ({ ...term, similarity: 1 })) : guesses;
    const weight = inverseFrequency(Math.max(0, ...terms.map(({ frequency }) => frequency)), documentCount);
    return {
      weight,
      readings: readings
        .filter(({ frequency }) => frequency > 0)
        .map(({ lexeme, frequency, similarity }) => {
          const worth = similarity ** 2 * inverseFrequency(frequency, documentCount);
          return { lexeme, frequency, word, weight: Math.min(weight, worth) };
        }),
    };
  });
  const terms = weighted
    .flatMap(({ readings }) => readings)
    .sort((one, other) => one.frequency - other.frequency)
    .slice(0, termsMax);
  if (terms.length === 0) return null;
  return {
    selecting: selectingTerms(terms),
    terms: terms.map(({ lexeme, weight, word }) => ({ lexeme, weight, word })),
    totalWeight: weighted.reduce((sum, { weight }) => sum + weight, 0),
  };
}

function inverseFrequency(frequency: number, documentCount: number): number {
  return Math.log(1 + (Math.max(0, documentCount - frequency) + 0.5) / (frequency + 0.5));
}

/** The rarest terms, as long as they do not find too much. When even the rarest does, all of them: see `rankStatement`. */
function selectingTerms(rarestFirst: readonly Term[]): string[] {
  let found = 0;
  const rare = rarestFirst.filter(({ frequency }) => {
    found += frequency;
    return found <= candidatesMax;
  });
  return (rare.length > 0 ? rare : rarestFirst).map(({ lexeme }) => lexeme);
}

/** A document and how well it answers a query, from 0 to 1. */
export interface Ranked {
  id: string;
  score: number;
}

/** As in the paper that proposed the method (Cormack, Clarke and Büttcher, 2009). */
const fusionConstant = 60;

/**
 * One ranking of several, best first: reciprocal rank fusion, which needs no scale that words and vectors share. The score
 * is 1 for a document that is first in every list. Of two that are equal, the one of the earlier list goes first.
 */
export function fuseRankings(rankings: readonly (readonly string[])[]): Ranked[] {
  const scores = new Map<string, number>();
  const best = rankings.length / (fusionConstant + 1);
  for (const ranking of rankings) {
    for (const [index, id] of ranking.entries()) {
      scores.set(id, (scores.get(id) ?? 0) + 1 / (fusionConstant + index + 1) / best);
    }
  }
  return [...scores].map(([id, score]) => ({ id, score: Math.min(1, score) })).sort((one, other) => other.score - one.score);
}
