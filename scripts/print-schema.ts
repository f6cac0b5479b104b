/** `npm run schema`: writes `schema.graphql`, the schema as the code defines it. A test compares the two. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { printSchema } from 'graphql';
import { buildSchema } from '../src/graphql/schema.js';

writeFileSync(path.join(import.meta.dirname, '../schema.graphql'), `${printSchema(buildSchema())}\n`);
