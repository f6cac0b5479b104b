import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Env } from 'hono';
import { dialects } from './dialects.js';

const require = createRequire(import.meta.url);
const packageFolder = path.dirname(require.resolve('swagger-ui-dist/package.json'));

const assets: Record<string, string> = {
  'swagger-ui.css': 'text/css',
  'swagger-ui-bundle.js': 'text/javascript',
  'favicon-32x32.png': 'image/png',
};

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Baton: the REST dialects</title>
    <link rel="icon" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="docs"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const startScript = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, docExpansion: 'list', defaultModelsExpandDepth: 0, validatorUrl: null });
`;

/** Everything comes from this server; the page's own styles are inline, its script is not. */
const securityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'";

const fixed = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cache-control': 'public, max-age=3600',
};

/** Serves `/openapi.json`, which describes every endpoint, and `/docs`, which shows it; both open to all, as the schema of GraphQL is. */
export function addDocs<AppEnv extends Env>(app: OpenAPIHono<AppEnv>): void {
  let document: string | undefined;
  app.get('/openapi.json', () => {
    document ??= documentOf(app);
    return new Response(document, { headers: { ...fixed, 'content-type': 'application/json', 'cache-control': 'no-cache' } });
  });
  app.get('/docs', () => {
    const headers = { ...fixed, 'content-type': 'text/html; charset=utf-8', 'content-security-policy': securityPolicy };
    return new Response(page, { headers: { ...headers, 'cache-control': 'no-cache' } });
  });
  app.get('/docs/start.js', () => new Response(startScript, { headers: { ...fixed, 'content-type': 'text/javascript' } }));
  for (const [name, type] of Object.entries(assets)) {
    app.get(`/docs/${name}`, async () => {
      const content = await readFile(path.join(packageFolder, name));
      return new Response(content, { headers: { ...fixed, 'content-type': type } });
    });
  }
}

function documentOf<AppEnv extends Env>(app: OpenAPIHono<AppEnv>): string {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'API key, session token, admin token or worker key: each dialect says which it takes.',
  });
  const described = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Baton: the REST dialects',
      version: '1',
      description:
        'Four older APIs over the same tasks, agents and projects that GraphQL serves at `/graphql`. Each keeps the paths, shapes and errors that its clients know.',
    },
    servers: [{ url: '/' }],
    tags: dialects.map(({ name, description }) => ({ name, description })),
    // In open development mode no credential is needed.
    security: [{ bearer: [] }, {}],
  });
  // Fields carry the name of their GraphQL type beside what OpenAPI asks of them.
  return JSON.stringify(described, (key, value) => (key === 'graphql' ? undefined : value));
}
