/** Stock graphql-yoga. */
import { createServer } from 'node:http';
import * as graphql from 'graphql';
import { createYoga } from 'graphql-yoga';
import { serveParent } from '../child.js';
import { listenOnLoopback } from '../peers/listen.js';
import { buildTaskSchema } from './tasks.js';

const yoga = createYoga({ schema: buildTaskSchema(graphql), logging: false });
serveParent({ url: await listenOnLoopback(createServer(yoga)) });
