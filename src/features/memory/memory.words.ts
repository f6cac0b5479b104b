/** Characters of the longest word that is searched for; what is longer is data, such as a key in base64. */
const wordLengthMax = 64;

/** Words as they stand in a text, with what joins names of code and files: `taskClaimNext`, `task_claim`, `claim.sql.ts`. */
const compounds = /[\p{L}\p{M}\p{N}]+(?:[_.-][\p{L}\p{M}\p{N}]+)*/gu;

const seams = /[_.-]|(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u;

const combiningAccents = /[\u0300-\u036f]/g;

/** Letters of scripts that put no blanks between words. */
const unspaced = '\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Thai}\\p{scx=Laoo}\\p{scx=Khmr}\\p{scx=Mymr}';
const stretches = new RegExp(`[${unspaced}]+|[^${unspaced}]+`, 'gu');
const unspacedStretch = new RegExp(`^[${unspaced}]`, 'u');

/**
 * The words of a text, in its order, as memory searches them: in lower case and without accents. Stems are the database's
 * business.
 *
 * A name of code is found by its parts and as a whole, however it is written: `taskClaim` and `task-claim` both have the
 * words task, claim and taskclaim. Scripts without blanks between words are cut into pairs of letters. The words have
 * letters and digits only, so that they mean nothing in the database's query language.
 */
export function wordsOf(text: string): string[] {
  const plain = text.normalize('NFKD').replace(combiningAccents, '').normalize('NFC');
  return (plain.match(compounds) ?? []).flatMap(wordsOfCompound).filter((word) => word.length <= wordLengthMax);
}

function wordsOfCompound(compound: string): string[] {
  const parts = compound
    .split(seams)
    .filter((part) => part !== '')
    .map((part) => part.toLowerCase());
  const words = parts
    .flatMap((part) => part.match(stretches) ?? [])
    .flatMap((part) => (isUnspaced(part) ? pairsOf(part) : [part]));
  return parts.length > 1 && words.length === parts.length ? [...words, parts.join('')] : words;
}

function isUnspaced(stretch: string): boolean {
  return unspacedStretch.test(stretch);
}

function pairsOf(stretch: string): string[] {
  const letters = [...stretch];
  return letters.length < 2 ? letters : letters.slice(1).map((letter, index) => `${letters[index]}${letter}`);
}

/** A word that one may misspell, with its trigrams. */
export interface SpelledWord {
  word: string;
  trigrams: string[];
}

/** Those of the words that are worth a guess when nobody wrote them so: names and terms, not numbers or syllables. */
export function spelledWords(words: readonly string[]): SpelledWord[] {
  return [...new Set(words)]
    .filter((word) => word.length >= 4 && word.length <= 40 && /\p{L}/u.test(word) && !isUnspaced(word))
    .map((word) => ({ word, trigrams: trigramsOf(word) }));
}

/**
 * The pieces of three characters of a word, two blanks before it and one behind. Cut here and not by the extension pg_trgm,
 * which needs rights to install and, in a database of the locale C, knows no letters but English ones.
 */
function trigramsOf(word: string): string[] {
  const letters = [...`  ${word} `];
  return [...new Set(letters.slice(2).map((letter, index) => `${letters[index]}${letters[index + 1]}${letter}`))];
}
