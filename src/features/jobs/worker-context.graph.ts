/** A node or an edge of a project's graph, as it was drawn: the server knows little of what is in it. */
type Item = Record<string, unknown>;

type ReadableEdge = Item & { source_label: string; target_label: string };

/** The nodes and edges of a project's graph, each with the names that a reader without the drawing needs. */
export interface ReadableGraph {
  nodes: Item[];
  edges: Item[];
}

/** What of a graph concerns one ticket. */
export interface TicketGraph {
  /** The whole graph; edges say the labels of their ends. */
  graph: ReadableGraph;
  /** The nodes and edges of the ticket, and the edges that touch those nodes; each says its label and id. */
  relevant: ReadableGraph;
  /** `label: id` of each node and edge that the ticket names. */
  nodesLabeled: string[];
  edgesLabeled: string[];
}

/** The one item of a list that names every node or edge. */
const everything = '*';

/**
 * Makes a graph readable to an agent: labels beside ids, and apart from the whole the part that its ticket is about.
 * Nodes are labeled by `data.label`, else by their id. Source: contracts.md 1.2, the worker-context object.
 */
export function graphOfTicket(
  project: { graphNodes: unknown; graphEdges: unknown },
  ticket: { nodeIds: string[]; edgeIds: string[] },
): TicketGraph {
  const nodes = itemsIn(project.graphNodes);
  const labels = new Map(nodes.map((node) => [idOf(node), labelOf(node)]));
  const label = (id: unknown) => labels.get(textOf(id)) ?? textOf(id);
  const edges = itemsIn(project.graphEdges).map(
    (edge): ReadableEdge => ({ ...edge, source_label: label(edge.source), target_label: label(edge.target) }),
  );
  const nodeIds = expand(ticket.nodeIds, nodes);
  const edgeIds = expand(ticket.edgeIds, edges);
  const isNamed = { node: new Set(nodeIds), edge: new Set(edgeIds) };
  const edgeLabels = new Map(edges.map((edge) => [idOf(edge), edgeLabelOf(edge)]));
  return {
    graph: { nodes, edges },
    relevant: {
      nodes: nodes
        .filter((node) => isNamed.node.has(idOf(node)))
        .map((node) => ({ ...node, label_and_id: `${labelOf(node)}: ${idOf(node)}` })),
      edges: edges
        .filter((edge) => isNamed.edge.has(idOf(edge)) || [edge.source, edge.target].some((end) => isNamed.node.has(textOf(end))))
        .map((edge) => ({ ...edge, label_and_id: `${edgeLabelOf(edge)}: ${idOf(edge)}` })),
    },
    nodesLabeled: nodeIds.map((id) => `${label(id)}: ${id}`),
    edgesLabeled: edgeIds.map((id) => `${edgeLabels.get(id) ?? id}: ${id}`),
  };
}

function itemsIn(list: unknown): Item[] {
  return Array.isArray(list) ? list.filter((item): item is Item => typeof item === 'object' && item !== null) : [];
}

function expand(ids: string[], items: Item[]): string[] {
  return ids.length === 1 && ids[0] === everything ? items.map(idOf).filter((id) => id !== '') : ids;
}

function idOf(item: Item): string {
  return textOf(item.id);
}

function labelOf(node: Item): string {
  const { data } = node as { data?: { label?: unknown } | null };
  return textOf(data?.label) || idOf(node);
}

function edgeLabelOf(edge: ReadableEdge): string {
  return `${edge.source_label} → ${edge.target_label}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
