/** Mercurius on Fastify, with its JIT from the first request. */
import fastify from 'fastify';
import * as graphql from 'graphql';
import mercurius from 'mercurius';
import { serveParent } from '../child.js';
import { buildTaskSchema } from './tasks.js';

const app = fastify();
app.register(mercurius, { schema: buildTaskSchema(graphql), jit: 1 });
serveParent({ url: await app.listen({ host: '127.0.0.1', port: 0 }) });
