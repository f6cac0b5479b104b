/** Stock Apollo Server, standalone. */
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import * as graphql from 'graphql';
import { serveParent } from '../child.js';
import { buildTaskSchema } from './tasks.js';

const server = new ApolloServer({ schema: buildTaskSchema(graphql) });
const { url } = await startStandaloneServer(server, { listen: { host: '127.0.0.1', port: 0 } });
serveParent({ url: new URL(url).origin });
