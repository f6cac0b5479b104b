import type { Statement } from '../../../database/database.js';

/** Vectors that are compared exactly; of more than these, the ones that differ least in their signs. */
export const comparedMax = 2000;

const comparable = 'project_id = $1::uuid and model = $2 and dimensions = $3::int';

/**
 * The documents whose meaning is closest to that of a query: by the exact cosine of their closest part, in plain SQL.
 *
 * That takes a tenth of a millisecond for a vector of 1536 elements. In a memory of more than `comparedMax` parts, those that
 * differ most in the signs of their elements are left out first, which is a thousand times faster to tell.
 * Values: project, model, dimensions, vector, its signs, rows at most.
 */
export const nearestStatement: Statement = {
  name: 'memory-nearest',
  text: `
with compared as materialized (
  select document_id, elements from memory_vector where ${comparable}
  order by bit_count(signs # $5::varbit) limit ${comparedMax}
)
select document_id::text as id
from (
  select document_id, (select sum(one * other) from (select unnest(compared.elements) as one, unnest($4::real[]) as other) pairs) as cosine
  from compared
) parts
group by document_id
order by max(cosine) desc, document_id
limit $6::int`,
};

/** The same by the extension pgvector, over all parts. Values: as above; the signs are not needed. */
export const nearestByPgvectorStatement: Statement = {
  name: 'memory-nearest-pgvector',
  text: `
select document_id::text as id
from memory_vector where ${comparable} and $5::text is not null
group by document_id
order by min(elements::vector <=> $4::real[]::vector), document_id
limit $6::int`,
};

/** Whether the extension pgvector is here; it is made so where it only has to be said, and may be. */
export const findPgvectorStatement: Statement = {
  name: 'memory-find-pgvector',
  text: `select to_regtype('vector') is not null as "isInstalled",
    exists (select from pg_available_extensions where name = 'vector') as "isAvailable"`,
};

export const createPgvectorStatement: Statement = {
  name: 'memory-create-pgvector',
  text: 'create extension if not exists vector',
};
