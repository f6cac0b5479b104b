import type { Statement } from '../../../database/database.js';

export interface UnembeddedDocument {
  id: string;
  body: string;
}

/**
 * Takes some documents without vectors of the model for this process, which has the given seconds to embed them; another
 * process skips them until then. Values: project, model, dimensions or null when they are not known yet, seconds, rows at most.
 */
export const takeUnembeddedStatement: Statement = {
  name: 'memory-take-unembedded',
  text: `
update memory_document set embed_not_before = statement_timestamp() + make_interval(secs => $4::int)
where id in (
  select id from memory_document
  where project_id = $1::uuid
    and (vector_model is distinct from $2 or $3::int is not null and vector_dimensions is distinct from $3::int)
    and (embed_not_before is null or embed_not_before <= statement_timestamp())
  order by id limit $5::int for update skip locked
)
returning id::text as id, body`,
};

/** Gives documents back, to be taken again after so many seconds. Values: ids, seconds. */
export const giveBackStatement: Statement = {
  name: 'memory-give-back',
  text: `update memory_document set embed_not_before = statement_timestamp() + make_interval(secs => $2::int)
    where id = any($1::uuid[])`,
};

/**
 * Keeps the vectors of a document, one row for each part, in place of those it had; nothing when it was deleted meanwhile.
 * Values: document, model, dimensions, vectors as array literals, their signs.
 */
export const storeVectorsStatement: Statement = {
  name: 'memory-store-vectors',
  text: `
with document as (
  update memory_document set vector_model = $2, vector_dimensions = $3::int, embed_not_before = null
  where id = $1::uuid returning id, project_id
), dropped as (
  delete from memory_vector where document_id = $1::uuid and part >= cardinality($4::text[])
)
insert into memory_vector (document_id, part, project_id, model, dimensions, elements, signs)
select document.id, given.part - 1, document.project_id, $2, $3::int, given.elements::real[], given.signs::varbit
from document cross join unnest($4::text[], $5::text[]) with ordinality as given(elements, signs, part)
on conflict (document_id, part) do update
  set model = excluded.model, dimensions = excluded.dimensions, elements = excluded.elements, signs = excluded.signs`,
};
