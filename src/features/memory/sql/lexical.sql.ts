import type { Statement } from '../../../database/database.js';

/** More documents than this are all the same to the worth of a word. */
const frequencyMax = 10_000;

/** Similarity of two words below which they have nothing to do with each other. `scrpyt` and `scrypt` have 0.27. */
const similarityMin = 0.25;

/** Similarity of a word to one that begins with it, at least. */
const beginningSimilarity = 0.6;

const guessesMax = 3;

/** Documents that have all of the selecting words, and others that have some, that are ranked at most. */
const candidatesMax = 5000;

/** A lexeme as a query for it alone. Lexemes have letters and digits only, since `wordsOf` leaves nothing else. */
const queryFor = (lexeme: string) => `('''' || ${lexeme} || '''')::tsquery`;

/** Documents of the project that the query finds: its id is one of their words. */
const found = (query: string) => `document.project_id = $1::uuid and document.search @@ (${queryFor('$1::text')} && ${query})`;

const frequencyOf = (lexeme: string) => `(
  select count(*)::int from (
    select from memory_document document where ${found(queryFor(lexeme))}
    limit ${frequencyMax}
  ) having_it
)`;

export interface TermRow {
  word: string;
  lexeme: string;
  frequency: number;
}

/** The stems of words, without those of words that say nothing (the, is), and how many documents have each. Values: project, words. */
export const termsStatement: Statement = {
  name: 'memory-terms',
  text: `
select asked.word, lexeme, ${frequencyOf('lexeme')} as frequency
from unnest($2::text[]) as asked(word)
cross join lateral unnest(tsvector_to_array(to_tsvector('pg_catalog.english', asked.word))) as lexeme`,
};

/** Values: project. */
export const documentCountStatement: Statement = {
  name: 'memory-document-count',
  text: 'select count(*)::int as count from memory_document where project_id = $1::uuid',
};

export interface GuessRow extends TermRow {
  similarity: number;
}

/**
 * For words that no document has: the words of the project that are most like them, by their trigrams, and their stems.
 * Only words that share more than the first letter are looked at. Values: project, words as JSON: `[{word, trigrams}]`.
 */
export const guessesStatement: Statement = {
  name: 'memory-guesses',
  text: `
select asked.word, lexeme, near.similarity, ${frequencyOf('lexeme')} as frequency
from jsonb_to_recordset($2::jsonb) as asked(word text, trigrams text[])
cross join lateral (
  select word, similarity from (
    select known.word, greatest(
      common::float8 / (cardinality(known.trigrams) + cardinality(asked.trigrams) - common),
      case when starts_with(known.word, asked.word) then ${beginningSimilarity} end
    ) as similarity
    from (
      select word, trigrams from memory_word where project_id = $1::uuid and trigrams && asked.trigrams[2:] offset 0
    ) known
    cross join lateral (
      select count(*) as common from unnest(known.trigrams) as trigram where trigram = any(asked.trigrams)
    ) counted
  ) compared
  where similarity >= ${similarityMin} order by similarity desc, word limit ${guessesMax}
) near
cross join lateral unnest(tsvector_to_array(to_tsvector('pg_catalog.english', near.word))) as lexeme`,
};

/**
 * Ranks the documents that have one of the selecting terms: by the share of the query's weight that they match, more when a
 * word is there more than once, a little less the longer they are.
 *
 * `ts_rank` for a single word is 0.061 when it is there once and grows to 0.1; the score is from 0 to 1.
 * Where only common words were asked for, they find more than can be ranked in time: then those that have all of them are
 * sure to be among the ranked.
 * Values: project, any of the selecting terms and all of them, both as a tsquery, terms as tsqueries, their weights, their
 * words, the whole weight, rows at most.
 */
export const rankStatement: Statement = {
  name: 'memory-rank',
  text: `
select candidate.id::text as id,
  least(1, matched.weight / $7::float8 / (1 + 0.1 * ln(1 + length(candidate.search) / 100.0::float8)))::float8 as score
from (
  -- Read once from where long values are kept apart, not once for each term.
  select id, search || ''::tsvector as search from (
    select distinct on (id) id, search from (
      (select id, search from memory_document document where ${found('$3::tsquery')} limit ${candidatesMax})
      union all
      (select id, search from memory_document document where ${found('$2::tsquery')} limit ${candidatesMax})
    ) selected
    order by id
  ) once offset 0
) candidate
cross join lateral (
  select sum(best) as weight from (
    select max(term.weight * 10 * ts_rank(candidate.search, term.query)) as best
    from unnest($4::tsquery[], $5::float8[], $6::int[]) as term(query, weight, word)
    where candidate.search @@ term.query
    group by term.word
  ) found
) matched
order by score desc, candidate.id
limit $8::int`,
};
