/** What agents send: documents that stay the same and variables that do not, as a client would that knows its work. */

const taskFields = '{ id title lease { fence } }';
const completeFields = '{ task { status } errors { code message } }';

/** The seconds that each claim asks for: no lease may lapse while it is measured. */
const leaseSeconds = 3600;

export interface Claimed {
  id: string;
  lease: { fence: number };
}

interface UserError {
  code: string;
  message: string;
}

export interface WorkAnswer {
  data?: { claim?: { task?: Claimed | null; tasks?: Claimed[]; errors: UserError[] } } & Record<
    `done${number}`,
    { task: { status: string } | null; errors: UserError[] }
  >;
  errors?: { message: string }[];
}

const documents = new Map<string, string>();

/** The body of one request that completes what is held, if anything is, and then claims so many, if any are wanted. */
export function workBody(held: readonly Claimed[], claimCount: number): { query: string; variables: Record<string, object> } {
  const variables: Record<string, object> = {};
  held.forEach(({ id, lease }, index) => {
    variables[`held${index}`] = { taskId: id, fence: lease.fence };
  });
  if (claimCount === 1) variables.next = { leaseSeconds };
  else if (claimCount > 1) variables.next = { leaseSeconds, count: claimCount };
  return { query: documentFor(held.length, claimCount), variables };
}

function documentFor(completeCount: number, claimCount: number): string {
  const key = `${completeCount} ${claimCount}`;
  let document = documents.get(key);
  if (!document) {
    const indexes = Array.from({ length: completeCount }, (_, index) => index);
    const declared = indexes.map((index) => `$held${index}: TaskCompleteInput!`);
    const fields = indexes.map((index) => `done${index}: taskComplete(input: $held${index}) ${completeFields}`);
    if (claimCount > 0) {
      const claimed = claimCount === 1 ? 'task' : 'tasks';
      declared.push('$next: TaskClaimNextInput!');
      fields.push(`claim: taskClaimNext(input: $next) { ${claimed} ${taskFields} errors { code message } }`);
    }
    document = `mutation Work(${declared.join(', ')}) {\n  ${fields.join('\n  ')}\n}`;
    documents.set(key, document);
  }
  return document;
}
