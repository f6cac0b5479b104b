/** Nodes, and edges, that the graph of a project may have. */
export const graphItemsMax = 5000;

/** Columns that a board may have. */
export const boardColumnsMax = 50;

/** A column of a project's board. */
export interface BoardColumn {
  id: string;
  title: string;
  order: number;
}

/** The ticket that a project of the worker dialect begins with, unless its repository has been worked on before. */
export const setupTicket = {
  title: 'Project setup',
  description:
    'Set the repository up for the work to come: lay out the folders, pin the tools and dependencies that the graph names, add a way to build, test and lint, and say in the README how to run each. Leave the project in a state in which its tests pass.',
  columnId: 'backlog',
  nodeIds: ['*'],
  edgeIds: ['*'],
  priority: 'medium',
  status: 'todo',
};
