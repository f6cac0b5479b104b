/** One tab that GraphiQL opens with: a single operation, whose name is the tab's title. */
export interface GraphiqlTab {
  query: string;
  /** JSON. */
  variables?: string;
}

/**
 * A tour for newcomers: run the tabs from left to right, in open development mode as they stand.
 *
 * A document cannot use what another one answered. What a tab needs from an earlier tab is therefore answered there under
 * the very name of the variable, so that one line of the answer is what has to be copied.
 */
export const graphiqlTabs: readonly GraphiqlTab[] = [
  {
    query: `# Welcome to Baton. Run the tabs from left to right.
#
# With ADMIN_TOKEN set, put this into Headers below,
# in each tab:
# {"authorization": "Bearer <token>"}
#
# First: who does the server think you are,
# and what is there to do?
query WhoAmI {
  viewer {
    kind
    scopes
    organization {
      name
    }
  }
  taskCounts {
    status
    count
  }
}
`,
  },
  {
    query: `# An agent registers under an id of its own choice.
# Running this twice gives the same agent;
# its API key is shown the first time only.
mutation RegisterAgent {
  agentRegister(
    input: { externalId: "tour-agent", name: "Tour agent", specializations: ["backend"] }
  ) {
    agent {
      agentId: id
      name
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
    query: `# Work to do: a task that only an agent with the
# specialization may claim, and a thread to talk in.
mutation CreateWork {
  taskCreate(
    input: { title: "Add a health check", requiredSpecialization: "backend", priority: 10 }
  ) {
    task {
      title
      status
    }
    errors {
      code
      message
    }
  }
  threadCreate(input: { title: "Tour" }) {
    thread {
      threadId: id
      title
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
    occurredAt
    actor {
      name
    }
    task {
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
#
# Variables, below: put in the agentId that the tab
# RegisterAgent answered.
mutation ClaimNext($agentId: ID!) {
  taskClaimNext(input: { agentId: $agentId, leaseSeconds: 600 }) {
    task {
      taskId: id
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
# started, and finishes. Run it again: the lease is lost.
#
# Variables, below: put in the agentId that the tab
# RegisterAgent answered,
# and the taskId that the tab ClaimNext answered.
mutation WorkAndFinish($agentId: ID!, $taskId: ID!) {
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
    variables: '{\n  "agentId": "",\n  "taskId": ""\n}',
  },
  {
    query: `# People and agents talk in threads, write plans that can be
# revised, and record decisions that can be superseded.
#
# Variables, below: put in the threadId that the tab
# CreateWork answered.
mutation TalkPlanDecide($threadId: ID!) {
  messagePost(input: { threadId: $threadId, payload: { text: "Hello from the tour" } }) {
    message {
      senderName
      payload
      createdAt
    }
    errors {
      code
      message
    }
  }
  planCreate(input: { title: "Tour plan", bodyMarkdown: "1. Look around" }) {
    plan {
      title
      revision
      status
    }
    errors {
      code
      message
    }
  }
  decisionRecord(input: { title: "Use Baton", bodyMarkdown: "It keeps the agents apart." }) {
    decision {
      title
      status
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
    query: `# The event log remembers everything that happened:
# here, to the newest tasks.
query History {
  tasks(orderBy: NEWEST, first: 5) {
    nodes {
      title
      status
      history {
        nodes {
          kind
          occurredAt
          actor {
            name
          }
          data
        }
      }
    }
  }
}
`,
  },
];
