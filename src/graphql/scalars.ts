import { DateTimeResolver, JSONResolver } from 'graphql-scalars';
import { builder } from './builder.js';

builder.addScalarType('DateTime', DateTimeResolver, {
  description: 'An instant: ISO 8601 in UTC, such as `2026-02-08T12:00:00.000Z`.',
});
builder.addScalarType('JSON', JSONResolver, { description: 'Any JSON value. The server keeps it and never looks inside.' });
