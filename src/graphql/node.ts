import { builder } from './builder.js';

/** Anything with an id of ours. */
export const NodeRef = builder.interfaceRef<{ id: string }>('Node').implement({
  description: 'A thing with an id of its own, which `node` finds.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the thing: a UUID, the same over every face, and ordered by time of creation.' }),
  }),
});
