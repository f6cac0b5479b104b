import { type DocumentNode, type ExecutionArgs, getOperationAST, Kind } from 'graphql';

/** By document and name of the operation. */
const known = new WeakMap<DocumentNode, Map<string | null, string>>();

/** What an operation is counted under: `mutation taskClaim`, or `query several` when it has several root fields, or a fragment of them. */
export function rootFieldOf({ document, operationName = null }: Pick<ExecutionArgs, 'document' | 'operationName'>): string {
  let names = known.get(document);
  if (!names) {
    names = new Map();
    known.set(document, names);
  }
  let name = names.get(operationName);
  if (name === undefined) {
    name = findRootField(document, operationName);
    names.set(operationName, name);
  }
  return name;
}

function findRootField(document: DocumentNode, operationName: string | null): string {
  const operation = getOperationAST(document, operationName);
  if (!operation) return 'none';
  const [field, ...others] = operation.selectionSet.selections;
  const isOne =
    field?.kind === Kind.FIELD && others.every((other) => other.kind === Kind.FIELD && other.name.value === field.name.value);
  return `${operation.operation} ${isOne ? field.name.value : 'several'}`;
}
