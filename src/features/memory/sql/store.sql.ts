import type { Statement } from '../../../database/database.js';

/**
 * Keeps documents; one that the project has already stays as it is. Answers the ids of those that are new.
 * The project's id stands among the words of each: so the index finds a word within one project, however often others use it.
 * In the order of their hashes, so that two calls with the same documents wait for each other instead of dying of a deadlock.
 * Values: organization, project, documents as JSON: `[{id, body, hash, words}]`.
 */
export const storeDocumentsStatement: Statement = {
  name: 'memory-store-documents',
  text: `insert into memory_document (id, organization_id, project_id, body, content_hash, search)
    select given.id, $1::uuid, $2::uuid, given.body, given.hash,
      to_tsvector('pg_catalog.english', given.words) || array_to_tsvector(array[$2::uuid::text])
    from jsonb_to_recordset($3::jsonb) as given(id uuid, body text, hash text, words text)
    order by given.hash
    on conflict (project_id, content_hash) do nothing
    returning id`,
};

/** Adds to the words of the project. Values: project, words as JSON: `[{word, trigrams}]`. */
export const storeWordsStatement: Statement = {
  name: 'memory-store-words',
  text: `insert into memory_word (project_id, word, trigrams)
    select $1::uuid, given.word, given.trigrams
    from jsonb_to_recordset($2::jsonb) as given(word text, trigrams text[])
    where not exists (select from memory_word known where known.project_id = $1::uuid and known.word = given.word)
    order by given.word
    on conflict (project_id, word) do nothing
    returning word`,
};

/** Answers the ids of the documents that were there. Values: organization, project, hashes. */
export const deleteDocumentsStatement: Statement = {
  name: 'memory-delete-documents',
  text: `delete from memory_document where id in (
      select id from memory_document
      where organization_id = $1::uuid and project_id = $2::uuid and content_hash = any($3::text[])
      order by content_hash for update
    )
    returning id`,
};

/** Values: organization, project. */
export const hasDocumentsStatement: Statement = {
  name: 'memory-has-documents',
  text: `select exists (select from memory_document where organization_id = $1::uuid and project_id = $2::uuid) as "hasDocuments"`,
};
