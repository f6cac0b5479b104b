import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatonClient } from '../src/sdk/baton-client.js';
import {
  BoardReplaceDocument,
  GraphReplaceDocument,
  NoteCreateDocument,
  NoteDeleteDocument,
  NoteUpdateDocument,
  ProjectCreateDocument,
  type ProjectCreateInput,
  ProjectDeleteDocument,
  ProjectDocument,
  ProjectUpdateDocument,
  TicketCreateDocument,
  TicketsDocument,
} from '../src/sdk/generated.js';
import { startTestApp, type TestApp } from './support/app.js';
import { codes, seedAgent, uniqueName } from './support/seed.js';

let app: TestApp;
let admin: BatonClient;

beforeAll(async () => {
  app = await startTestApp();
  admin = app.client();
});

afterAll(() => app.stop());

describe('a project', () => {
  it('begins with an empty graph, a board of four columns and no ticket', async () => {
    const project = await createProject({ executionMode: 'LOCAL', projectPath: '/srv/work' });

    expect(project).toMatchObject({
      executionMode: 'LOCAL',
      projectPath: '/srv/work',
      isExistingRepo: false,
      graph: { nodes: [], edges: [], version: 1 },
    });
    expect(project.boardColumns.map(({ id }) => id)).toEqual(['backlog', 'in_progress', 'in_review', 'done']);
    expect((await admin.request(TicketsDocument, { projectId: project.id })).tasks.nodes).toEqual([]);
  });

  it('changes in what is given, and says in its event what that was', async () => {
    const { id, name } = await createProject({ description: 'old', repoUrl: 'https://example.org/a.git' });

    const { projectUpdate } = await admin.request(ProjectUpdateDocument, {
      input: { projectId: id, name, description: null, executionMode: 'LOCAL', projectPath: '/srv/work' },
    });

    expect(projectUpdate).toMatchObject({
      errors: [],
      project: { name, description: null, repoUrl: 'https://example.org/a.git', executionMode: 'LOCAL' },
    });
    expect(await eventsOf(id, 'ProjectUpdated')).toEqual([
      {
        before: { description: 'old', executionMode: 'DOCKER', projectPath: null },
        after: { description: null, executionMode: 'LOCAL', projectPath: '/srv/work' },
      },
    ]);
  });

  it('is deleted by its name alone, and gone with all that was on it', async () => {
    const { id, name } = await createProject({ repoUrl: 'https://example.org/a.git' });
    await admin.request(NoteCreateDocument, { input: { projectId: id, title: 'a note' } });
    const running = { projectId: id, title: 'running', columnId: 'in_progress' };
    await admin.request(TicketCreateDocument, { input: running });
    const remove = async (confirmName: string) =>
      (await admin.request(ProjectDeleteDocument, { input: { projectId: id, confirmName } })).projectDelete;

    const refused = await remove(`${name} `.toUpperCase());
    const removed = await remove(name);
    const again = await remove(name);

    expect(refused).toMatchObject({ deletedProjectId: null, errors: [{ code: 'NAME_NOT_CONFIRMED', path: ['confirmName'] }] });
    expect(removed).toMatchObject({ deletedProjectId: id, errors: [] });
    expect(codes(again)).toEqual(['PROJECT_NOT_FOUND']);
    expect((await admin.request(ProjectDocument, { id })).project).toBeNull();
    const jobs = await app.sql('select status, failure_reason from job where project_id = $1', [id]);
    expect(jobs).toEqual([{ status: 'FAILED', failure_reason: 'The project was deleted.' }]);
    expect(await eventsOf(id, 'ProjectDeleted')).toEqual([{ name }]);
    expect(await eventsOf(id, 'JobFailed')).toMatchObject([{ before: 'PENDING', after: 'FAILED' }]);
  });
});

describe('the graph of a project', () => {
  it('is replaced in the part that is given, and counts each change', async () => {
    const { id } = await createProject();
    const nodes = [{ id: 'api', label: 'API', data: { technologies: ['ts'] } }];

    await admin.request(GraphReplaceDocument, { input: { projectId: id, nodes } });
    const { graphReplace } = await admin.request(GraphReplaceDocument, { input: { projectId: id, edges: [{ id: 'e' }] } });

    expect(graphReplace).toMatchObject({ errors: [], project: { graph: { nodes, edges: [{ id: 'e' }], version: 3 } } });
    expect(await eventsOf(id, 'GraphReplaced')).toEqual([
      { before: { version: 1, nodes: 0, edges: 0 }, after: { version: 2, nodes: 1, edges: 0 } },
      { before: { version: 2, nodes: 1, edges: 0 }, after: { version: 3, nodes: 1, edges: 1 } },
    ]);
  });

  it('counts each of many changes that come at once', async () => {
    const { id } = await createProject();

    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        admin.request(GraphReplaceDocument, { input: { projectId: id, nodes: [{ id: `${index}` }] } }),
      ),
    );

    const versions = answers.map(({ graphReplace }) => graphReplace.project?.graph.version);
    expect(versions.toSorted((a, b) => Number(a) - Number(b))).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('is changed by exactly one of those who have read the same version', async () => {
    const { id } = await createProject();
    const replace = (node: string) =>
      admin.request(GraphReplaceDocument, { input: { projectId: id, nodes: [{ id: node }], expectedVersion: 1 } });

    const answers = (await Promise.all(['a', 'b', 'c'].map(replace))).map(({ graphReplace }) => graphReplace);

    expect(answers.filter(({ project }) => project)).toHaveLength(1);
    expect(answers.flatMap(({ errors }) => errors)).toMatchObject(
      Array.from({ length: 2 }, () => ({ code: 'REVISION_CONFLICT', message: expect.stringContaining('at version 2') })),
    );
  });

  it.each([
    ['more nodes than 5000', { nodes: Array(5001).fill({}) }],
    ['a node that is no object', { nodes: ['api'] }],
    ['an edge that the database cannot hold', { edges: [{ label: '\u0000' }] }],
  ])('refuses %s', async (_what, part) => {
    const { id } = await createProject();

    const { graphReplace } = await admin.request(GraphReplaceDocument, { input: { projectId: id, ...part } });

    expect(codes(graphReplace)).toContain('VALIDATION_FAILED');
    expect((await admin.request(ProjectDocument, { id })).project?.graph.version).toBe(1);
  });
});

describe('the board of a project', () => {
  it('has the columns that it is given, by their order', async () => {
    const { id } = await createProject();
    const columns = [
      { id: 'done', title: 'Done', order: 2 },
      { id: 'ideas', title: 'Ideas', order: -1 },
    ];

    const { boardReplace } = await admin.request(BoardReplaceDocument, { input: { projectId: id, columns } });
    await admin.request(BoardReplaceDocument, { input: { projectId: id, columns } });

    expect(boardReplace.project?.boardColumns.map((column) => column.id)).toEqual(['ideas', 'done']);
    expect(await eventsOf(id, 'BoardReplaced')).toMatchObject([{ after: columns }]);
  });

  it.each([
    ['two columns of one name', ['a', 'b', 'a'], ['columns', '2', 'id']],
    ['more than 50 columns', Array.from({ length: 51 }, (_, index) => `${index}`), ['columns']],
  ])('refuses %s', async (_what, ids, path) => {
    const { id } = await createProject();
    const columns = ids.map((column, order) => ({ id: column, title: column, order }));

    const { boardReplace } = await admin.request(BoardReplaceDocument, { input: { projectId: id, columns } });

    expect(boardReplace.errors).toMatchObject([{ code: 'VALIDATION_FAILED', path }]);
  });
});

describe('a note', () => {
  it('is kept with its project until somebody deletes it', async () => {
    const { id: projectId } = await createProject();
    const input = { projectId, title: 'Keys', content: 'In the vault.', nodeIds: ['api', 'db', 'api'] };
    const { noteCreate } = await admin.request(NoteCreateDocument, { input });
    const noteId = noteCreate.note?.id ?? '';

    const { noteUpdate } = await admin.request(NoteUpdateDocument, { input: { noteId, content: 'Moved.', edgeIds: ['e'] } });

    expect(noteCreate).toMatchObject({ errors: [], note: { nodeIds: ['api', 'db'], edgeIds: [] } });
    expect(noteUpdate.note).toMatchObject({ title: 'Keys', content: 'Moved.', nodeIds: ['api', 'db'], edgeIds: ['e'] });
    expect((await admin.request(ProjectDocument, { id: projectId })).project?.notes.nodes).toMatchObject([{ id: noteId }]);
    const { noteDelete } = await admin.request(NoteDeleteDocument, { input: { noteId } });
    expect(noteDelete).toMatchObject({ deletedNoteId: noteId, errors: [] });
    expect(codes((await admin.request(NoteUpdateDocument, { input: { noteId, title: 'x' } })).noteUpdate)).toEqual([
      'NOTE_NOT_FOUND',
    ]);
    expect(await eventsOf(projectId, 'NoteCreated', 'NoteUpdated', 'NoteDeleted')).toEqual([
      { title: 'Keys' },
      { title: 'Keys', changed: ['content', 'edgeIds'] },
      { title: 'Keys' },
    ]);
  });

  it('is not written by those who may only read', async () => {
    const { id: projectId } = await createProject();
    const agent = await seedAgent(admin);
    const { secret } = await reader(agent.id);

    const answer = await app.client({ token: secret }).request(NoteCreateDocument, { input: { projectId, title: 'mine' } });

    expect(codes(answer.noteCreate)).toEqual(['FORBIDDEN']);
  });
});

async function createProject(input: Partial<ProjectCreateInput> = {}) {
  const { projectCreate } = await admin.request(ProjectCreateDocument, { input: { name: uniqueName('project'), ...input } });
  if (!projectCreate.project) throw new Error(`not created: ${JSON.stringify(projectCreate.errors)}`);
  return projectCreate.project;
}

async function reader(agentId: string): Promise<{ secret: string }> {
  const query = `mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret errors { code } } }`;
  const response = await fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input: { agentId, scopes: ['READ'], name: 'reader' } } }),
  });
  return ((await response.json()) as { data: { apiKeyCreate: { secret: string } } }).data.apiKeyCreate;
}

/** The facts of the events of these kinds, oldest first. */
async function eventsOf(projectId: string, ...types: string[]): Promise<unknown[]> {
  const rows = await app.sql<{ data: unknown }>(
    'select data from event where project_id = $1 and type = any($2) order by xid, seq',
    [projectId, types],
  );
  return rows.map(({ data }) => data);
}
