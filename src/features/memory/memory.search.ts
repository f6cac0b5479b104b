import { requireScope, type Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import type { MemoryDocument, Project } from '../../database/generated/prisma/client.js';
import { isId } from '../../kernel/ids.js';
import { ProjectNotFoundError } from '../projects/project.errors.js';
import { visibleProjects } from '../projects/project.queries.js';
import type { MemoryBackfill } from './memory.backfill.js';
import { type EmbeddingEndpoint, EmbeddingServiceError, type Embeddings } from './memory.embeddings.js';
import { contentHash, hitsDefault, projectSummary, signsOf, unitVector } from './memory.model.js';
import { fuseRankings, type Guess, planLexical, type Ranked, type Term } from './memory.ranking.js';
import { seedMemory } from './memory.store.js';
import { spelledWords, wordsOf } from './memory.words.js';
import {
  documentCountStatement,
  type GuessRow,
  guessesStatement,
  rankStatement,
  type TermRow,
  termsStatement,
} from './sql/lexical.sql.js';
import { hasDocumentsStatement } from './sql/store.sql.js';
import {
  createPgvectorStatement,
  findPgvectorStatement,
  nearestByPgvectorStatement,
  nearestStatement,
} from './sql/vector.sql.js';

/** What a project remembers about one query, best first. */
export interface MemorySearchResult {
  query: string;
  hits: { document: MemoryDocument; score: number }[];
}

/** Characters of a query that are searched by; what an agent writes beyond them says little more. */
const searchedLength = 8000;

/** Different words of a query that are searched by. */
const searchedWordsMax = 64;

/** Words of a query that are guessed at when no document has them. */
const guessedWordsMax = 16;

/** Documents that words and vectors each propose, of which a fused ranking is made. */
const proposalsMax = 50;

/** With vectors at hand, a document that matches less of the query's words than this is no proposal of theirs. */
const lexicalScoreMin = 0.25;

/** For so long a search waits for documents that are being embedded, so that what was just indexed is found by its meaning. */
const backfillWaitMs = 2000;

/**
 * Searches the memory of projects.
 *
 * By words always: full-text search over stems, each word worth what it tells documents apart by, and for a word that
 * nobody wrote the ones that are spelt most like it. With an embedding service also by meaning: the two rankings become one
 * by reciprocal rank fusion. A service that is away costs the meaning, not the answer.
 */
export class MemorySearch {
  constructor(
    private readonly options: {
      database: Database;
      embeddings: Embeddings;
      backfill: MemoryBackfill;
      /** Whether cosines are left to the extension pgvector: see `findPgvector`. */
      hasPgvector: boolean;
    },
  ) {}

  /**
   * One result for each query, in their order, with at most `limit` hits (default 5). Scores are from 0 to 1, the best
   * first; they compare the hits of one query, not those of two. An empty memory is given what the project is about;
   * as long as it has nothing else, that is also what a query gets that matches nothing, with score 0.
   * Throws ProjectNotFoundError, ForbiddenError.
   */
  async retrieve(
    viewer: Viewer,
    { projectId, queries, limit = hitsDefault }: { projectId: string; queries: readonly string[]; limit?: number | undefined },
  ): Promise<MemorySearchResult[]> {
    if (!viewer.scopes.has('WORKER')) requireScope(viewer, 'READ');
    const project = await this.#readyProject(viewer, projectId);
    const vectors = await this.#vectorsOf(project, queries);
    const rankings: Ranked[][] = [];
    for (const [index, query] of queries.entries()) {
      rankings.push(await this.#rank(project, query, vectors && { ...vectors, vector: vectors.vectors[index] ?? [] }, limit));
    }
    if (rankings.some((ranking) => ranking.length === 0)) {
      const summary = await this.#summary(project);
      for (const ranking of rankings) if (ranking.length === 0) ranking.push(...summary);
    }
    const documents = await this.#documents(project, rankings.flat());
    return queries.map((query, index) => ({
      query,
      hits: (rankings[index] ?? []).flatMap(({ id, score }) => {
        const document = documents.get(id);
        return document ? [{ document, score }] : [];
      }),
    }));
  }

  /** The project, with something in its memory. */
  async #readyProject(viewer: Viewer, projectId: string): Promise<Project> {
    const { database } = this.options;
    const project = isId(projectId)
      ? await database.prisma.project.findFirst({ where: { id: projectId, ...visibleProjects(viewer) } })
      : null;
    if (!project) throw new ProjectNotFoundError(projectId);
    const [memory] = await database.query<{ hasDocuments: boolean }>(hasDocumentsStatement, [project.organizationId, project.id]);
    if (!memory?.hasDocuments) {
      await database.transaction((tx) => seedMemory(tx, { actorId: null, actorLabel: 'system' }, project));
    }
    return project;
  }

  /** What the queries mean, and every document that can be compared with them; null without a service that answers. */
  async #vectorsOf({ id: projectId, organizationId }: Project, queries: readonly string[]): Promise<QueryVectors | null> {
    const { embeddings, backfill } = this.options;
    const endpoint = await embeddings.endpointOf(organizationId);
    // A blank text is more than some services take.
    if (!endpoint || queries.every((query) => query.trim() === '')) return null;
    try {
      const texts = queries.map((query) => query.slice(0, searchedLength).toWellFormed().trim() || '-');
      const vectors = await embeddings.embed(endpoint, texts);
      await within(backfillWaitMs, backfill.run({ organizationId, projectId }, endpoint, vectors[0]?.length ?? null));
      return { endpoint, vectors };
    } catch (error) {
      // It is logged where it happens.
      if (error instanceof EmbeddingServiceError) return null;
      throw error;
    }
  }

  async #rank(
    project: Project,
    query: string,
    meaning: { endpoint: EmbeddingEndpoint; vector: number[] } | null,
    limit: number,
  ): Promise<Ranked[]> {
    if (query.trim() === '') return [];
    if (!meaning) return this.#rankByWords(project, query, limit);
    const byWords = await this.#rankByWords(project, query, proposalsMax);
    const byMeaning = await this.#rankByMeaning(project, meaning.endpoint.model, meaning.vector);
    if (byMeaning.length === 0) return byWords.slice(0, limit);
    const lists = [byWords.filter(({ score }) => score >= lexicalScoreMin).map(({ id }) => id), byMeaning];
    return fuseRankings(lists).slice(0, limit);
  }

  async #rankByWords({ id: projectId }: Project, query: string, limit: number): Promise<Ranked[]> {
    const { database } = this.options;
    const words = [...new Set(wordsOf(query.slice(0, searchedLength)))].slice(0, searchedWordsMax);
    const rows = await database.query<TermRow>(termsStatement, [projectId, words]);
    const termsOf = new Map<string, Term[]>();
    const seen = new Set<string>();
    for (const { word, ...term } of rows) {
      if (seen.has(term.lexeme)) continue;
      seen.add(term.lexeme);
      termsOf.set(word, [...(termsOf.get(word) ?? []), term]);
    }
    const unknown = [...termsOf].filter(([, terms]) => terms.every(({ frequency }) => frequency === 0)).map(([word]) => word);
    const guesses = await this.#guess(projectId, unknown);
    const [total] = await database.query<{ count: number }>(documentCountStatement, [projectId]);
    const asked = [...termsOf].map(([word, terms]) => ({ terms, guesses: guesses.filter((guess) => guess.asked === word) }));
    const plan = planLexical(asked, total?.count ?? 0);
    if (!plan) return [];
    return database.query<Ranked>(rankStatement, [
      projectId,
      plan.selecting.map(quoted).join(' | '),
      plan.selecting.map(quoted).join(' & '),
      plan.terms.map(({ lexeme }) => quoted(lexeme)),
      plan.terms.map(({ weight }) => weight),
      plan.terms.map(({ word }) => word),
      plan.totalWeight,
      limit,
    ]);
  }

  /** What the project is about, when nobody has told its memory anything else. */
  async #summary(project: Project): Promise<Ranked[]> {
    const where = { organizationId: project.organizationId, projectId: project.id };
    const select = { id: true, contentHash: true };
    const [only, ...others] = await this.options.database.prisma.memoryDocument.findMany({ where, select, take: 2 });
    const isSummary = only?.contentHash === contentHash(projectSummary(project)) && others.length === 0;
    return only && isSummary ? [{ id: only.id, score: 0 }] : [];
  }

  async #guess(projectId: string, words: readonly string[]): Promise<Guess[]> {
    const spelled = spelledWords(words).slice(0, guessedWordsMax);
    if (spelled.length === 0) return [];
    const rows = await this.options.database.query<GuessRow>(guessesStatement, [projectId, JSON.stringify(spelled)]);
    return rows.map(({ word, ...guess }) => ({ ...guess, asked: word }));
  }

  /** The closest documents by meaning, best first. */
  async #rankByMeaning({ id: projectId }: Project, model: string, vector: number[]): Promise<string[]> {
    const { database, hasPgvector } = this.options;
    const unit = unitVector(vector);
    const rows = await database.query<{ id: string }>(hasPgvector ? nearestByPgvectorStatement : nearestStatement, [
      projectId,
      model,
      unit.length,
      `{${unit.join(',')}}`,
      signsOf(unit),
      proposalsMax,
    ]);
    return rows.map(({ id }) => id);
  }

  async #documents({ organizationId, id: projectId }: Project, ranked: readonly Ranked[]): Promise<Map<string, MemoryDocument>> {
    const ids = [...new Set(ranked.map(({ id }) => id))];
    const rows = await this.options.database.prisma.memoryDocument.findMany({
      where: { organizationId, projectId, id: { in: ids } },
    });
    return new Map(rows.map((row) => [row.id, row]));
  }
}

interface QueryVectors {
  endpoint: EmbeddingEndpoint;
  vectors: number[][];
}

/** A lexeme as the database's query language writes it. */
function quoted(lexeme: string): string {
  return `'${lexeme.replaceAll(/['\\]/g, '$&$&')}'`;
}

async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, patience]).finally(() => clearTimeout(timer));
}

/**
 * Whether this database compares vectors with pgvector. Where the extension is there and was not created yet, it is, if the
 * role may.
 */
export async function findPgvector(database: Database): Promise<boolean> {
  const [found] = await database.query<{ isInstalled: boolean; isAvailable: boolean }>(findPgvectorStatement, []);
  if (!found || found.isInstalled || !found.isAvailable) return found?.isInstalled ?? false;
  // A role without the right, or another process at the same moment: what counts is what is there in the end.
  await database.query(createPgvectorStatement, []).catch(() => {});
  const [now] = await database.query<{ isInstalled: boolean }>(findPgvectorStatement, []);
  return now?.isInstalled ?? false;
}
