/** One tab that GraphiQL opens with. Its operation's name is the tab's title. */
export interface GraphiqlTab {
  query: string;
  /** JSON. */
  variables?: string;
}

/** A tour for newcomers: run the tabs from left to right, in open development mode as they stand. */
export const graphiqlTabs: readonly GraphiqlTab[] = [
  {
    query: `# Welcome to Baton. Run the tabs from left to right.
#
# With ADMIN_TOKEN set, put this into Headers below, in each tab:
# {"authorization": "Bearer <token>"}
#
# First: who does the server think you are?
query WhoAmI {
  viewer {
    __typename
  }
  taskCounts {
    status
    count
  }
}
`,
  },
  {
    query: `# An agent registers under an id of its own.
# Running this twice gives the same agent;
# its API key is shown the first time only.
mutation RegisterAgent {
  agentRegister(
    input: { externalId: "tour-agent", name: "Tour agent", specializations: ["backend"] }
  ) {
    agent {
      id
      externalId
      status
      health
    }
    apiKey
    errors {
      code
      message
    }
  }
}
`,
  },
  {
    query: `# Work to do: a project, and a task that only an agent
# with the specialization may claim.
mutation CreateWork {
  projectCreate(input: { name: "Tour" }) {
    project {
      id
      name
    }
    errors {
      code
      message
    }
  }
  taskCreate(
    input: { title: "Add a health check", requiredSpecialization: "backend", priority: 10 }
  ) {
    task {
      id
      status
    }
    errors {
      code
      message
    }
  }
}
`,
  },
  {
    query: `# Live: run this in a second window and leave it open;
# what the next tabs do appears there as it happens.
subscription WatchTasks {
  taskEvents {
    __typename
    cursor
    occurredAt
    actor {
      name
    }
    task {
      id
      title
      status
    }
  }
}
`,
  },
  {
    query: `# The agent takes the most urgent task that it may have,
# under a lease of ten minutes.
# Copy the agent's id from the second tab into Variables.
mutation ClaimNext($agentId: ID!) {
  taskClaimNext(input: { agentId: $agentId, leaseSeconds: 600 }) {
    task {
      id
      title
      lease {
        fence
        expiresAt
      }
    }
    obstacles {
      code
      message
      count
    }
    errors {
      code
      message
    }
  }
}
`,
    variables: '{\n  "agentId": ""\n}',
  },
  {
    query: `# The holder keeps its lease alive, says that it has
# started, and finishes.
# Copy the ids from the tabs before into Variables.
mutation WorkAndFinish($taskId: ID!, $agentId: ID!) {
  taskHeartbeat(input: { taskId: $taskId, agentId: $agentId }) {
    task {
      lease {
        expiresAt
      }
    }
    errors {
      code
      message
    }
  }
  taskSetStatus(input: { taskId: $taskId, agentId: $agentId, status: IN_PROGRESS }) {
    task {
      status
    }
    errors {
      code
      message
    }
  }
  taskComplete(input: { taskId: $taskId, agentId: $agentId, result: { note: "Done in the tour" } }) {
    task {
      status
      result
    }
    errors {
      code
      message
    }
  }
}
`,
    variables: '{\n  "taskId": "",\n  "agentId": ""\n}',
  },
  {
    query: `# People and agents talk in threads.
# Run OpenThread, copy its id into Variables,
# then run PostMessage.
mutation OpenThread {
  threadCreate(input: { title: "Tour" }) {
    thread {
      id
      title
    }
    errors {
      code
      message
    }
  }
}

mutation PostMessage($threadId: ID!) {
  messagePost(input: { threadId: $threadId, type: "text", payload: { text: "Hello from the tour" } }) {
    message {
      id
      senderName
      payload
      createdAt
    }
    errors {
      code
      message
    }
  }
}
`,
    variables: '{\n  "threadId": ""\n}',
  },
  {
    query: `# Plans can be revised and decisions superseded,
# and the event log remembers everything that happened.
mutation PlanAndDecide {
  planCreate(input: { title: "Tour plan", bodyMarkdown: "1. Look around" }) {
    plan {
      id
      revision
    }
    errors {
      code
      message
    }
  }
  decisionRecord(input: { title: "Use Baton", bodyMarkdown: "It keeps the agents apart." }) {
    decision {
      id
      status
    }
    errors {
      code
      message
    }
  }
}

query History {
  events(first: 50) {
    nodes {
      __typename
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
  },
];
