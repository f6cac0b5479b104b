/**
 * Every error code a client can meet, one sentence each: what happened and what to do. Codes never change meaning.
 * `docs/errors.md` is this table; a test keeps them equal.
 */
export const errorCodes = {
  // Asking
  VALIDATION_FAILED: 'A field of the input is missing, malformed or over its limit; `path` names it. Correct it and send again.',
  INVALID_CURSOR: 'A pagination or event cursor is not one that this server gave out. Start again without it.',
  IDEMPOTENCY_KEY_REUSED: 'The idempotency key was used before with another input or operation. Use a fresh key.',
  BAD_USER_INPUT: 'A variable does not fit the type the document declares for it. Correct the variable.',
  GRAPHQL_PARSE_FAILED: 'The document is not GraphQL. Correct its syntax.',
  GRAPHQL_VALIDATION_FAILED: 'The document does not fit the schema. Correct the field, argument or type that the message names.',
  DOCUMENT_TOO_DEEP: 'The document nests deeper than the server allows. Ask in several requests.',
  DOCUMENT_TOO_MANY_ALIASES: 'The document has more aliases than the server allows. Ask in several requests.',
  DOCUMENT_TOO_MANY_DIRECTIVES: 'The document has more directives than the server allows. Ask in several requests.',
  DOCUMENT_TOO_LARGE: 'The document has more tokens than the server allows. Ask in several requests.',
  DOCUMENT_TOO_COSTLY: 'The document asks for more than one request may cost. Ask for fewer rows or fields, in several requests.',
  BODY_TOO_LARGE: 'The request body is over the size the server takes. Send less at once.',
  BAD_REQUEST: 'The HTTP request cannot be read. Correct its method, headers or body.',
  INVALID_JSON: 'The body of a REST request is not JSON. Correct its syntax.',
  ROUTE_NOT_FOUND: 'No REST endpoint has this path. `/openapi.json` lists them all.',
  METHOD_NOT_ALLOWED: 'The REST endpoint does not have this method; the header `Allow` lists those it has.',

  // Who is asking
  UNAUTHENTICATED: 'The credential is missing, wrong, expired or revoked. Sign in, or use a valid key.',
  FORBIDDEN: 'The credential does not allow this. Use one that does, or ask an administrator.',
  RATE_LIMITED: 'Too many requests. Wait as long as the answer says, then send again.',
  TOO_MANY_OPERATIONS:
    'The websocket runs as many operations at once as the server allows. Complete one of them, or open another websocket.',

  // Things that are not there, or are not yours to see: the two answer alike
  ORGANIZATION_NOT_FOUND: 'No such organization.',
  AGENT_NOT_FOUND: 'No such agent. Register it first.',
  ORCHESTRATOR_NOT_FOUND: 'No such orchestrator.',
  ACTOR_NOT_FOUND: 'No such agent or user.',
  USER_NOT_FOUND: 'No such user.',
  API_KEY_NOT_FOUND: 'No such API key.',
  PROJECT_NOT_FOUND: 'No such project.',
  TASK_NOT_FOUND: 'No such task.',
  THREAD_NOT_FOUND: 'No such thread.',
  MESSAGE_NOT_FOUND: 'No such message.',
  NOTE_NOT_FOUND: 'No such note.',
  PLAN_NOT_FOUND: 'No such plan.',
  DECISION_NOT_FOUND: 'No such decision.',
  JOB_NOT_FOUND: 'No such job.',
  PULL_REQUEST_NOT_FOUND: 'No such pull request.',

  // Tasks and leases
  TASK_NOT_READY: 'The task cannot be claimed in the status it has. Wait until it is READY, or claim another.',
  TASK_ALREADY_CLAIMED:
    'Somebody holds the task; the error says who and until when. Claim another, or try again after that time.',
  TASK_CHANGED: 'The task was changed since it was read. Read it again, then change it from there.',
  SPECIALIZATION_MISMATCH:
    'The task requires a specialization that the agent does not have. Claim another, or pass `override: true`.',
  AGENT_INACTIVE: 'The agent is PENDING or INACTIVE and may not claim. An administrator must activate it.',
  LEASE_LOST:
    'The caller does not hold the task now: its lease lapsed, or the task was claimed again. Stop working on it, then claim it again.',
  ILLEGAL_TRANSITION: 'The task cannot go from the status it has to the one asked for. The error lists where it can go.',

  // Jobs
  JOB_NOT_RUNNING:
    'The run is over: it never began, has ended, was lost without a heartbeat, or the job was started again. Stop it; its result counts no more.',
  PROJECT_NOT_RUNNABLE:
    'Agents cannot work on the project: it has no repository, or no directory where it runs on the host. Set it first.',

  // Everything else
  ALREADY_EXISTS: 'A thing with that name or address exists already. Choose another, or use the existing one.',
  NAME_NOT_CONFIRMED: 'What is to be deleted has another name than the one that was said. Send its name exactly.',
  DECISION_ALREADY_SUPERSEDED: 'Another decision already supersedes that one. Supersede the newest instead.',
  REVISION_CONFLICT:
    'The plan, or the graph, was changed since it was read. Read it again, then change it from its newest revision.',
  SECRET_KEY_MISSING:
    'A secret cannot be stored: the server has no key to encrypt it with. Start it with `TERARCHITECT_SECRET_KEY`.',
  SETTING_UNREADABLE:
    'A secret setting is stored and cannot be decrypted. Set it again, or start the server with the key it was stored under.',
  DIFFERENT_ORGANIZATION: 'An orchestrator of another organization was named. Name those of the one you act in.',
  INVALID_OWNERSHIP: 'The task does not belong to the orchestrator that acts, or no more: read who owns it.',
  RESYNC_REQUIRED:
    'The stream cannot go on from here without a gap. Read the state again, then subscribe after a fresh `eventCursor`.',
  INTERNAL_ERROR: 'A fault of the server; its log has the details under the request id of the answer. Trying again may help.',
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof errorCodes;
