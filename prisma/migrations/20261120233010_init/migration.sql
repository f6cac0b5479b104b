-- CreateEnum
CREATE TYPE "ActorKind" AS ENUM ('AGENT', 'USER');

-- CreateEnum
CREATE TYPE "AgentStatus" AS ENUM ('PENDING', 'ACTIVE', 'BUSY', 'AWAY', 'INACTIVE');

-- CreateEnum
CREATE TYPE "AgentHealth" AS ENUM ('ONLINE', 'STALE', 'OFFLINE');

-- CreateEnum
CREATE TYPE "UserRole" AS ENUM ('MEMBER', 'ADMIN');

-- CreateEnum
CREATE TYPE "ApiKeyScope" AS ENUM ('READ', 'WORK', 'WORKER', 'ADMIN');

-- CreateEnum
CREATE TYPE "ExecutionMode" AS ENUM ('DOCKER', 'LOCAL');

-- CreateEnum
CREATE TYPE "TaskStatus" AS ENUM ('BACKLOG', 'READY', 'CLAIMED', 'IN_PROGRESS', 'REVIEW', 'DONE', 'BLOCKED', 'FAILED', 'CANCELED');

-- CreateEnum
CREATE TYPE "TaskSource" AS ENUM ('GRAPHQL', 'COORDINATOR', 'ORCHESTRATOR', 'QUEUE', 'WORKER');

-- CreateEnum
CREATE TYPE "AttemptOutcome" AS ENUM ('COMPLETED', 'FAILED', 'RELEASED', 'EXPIRED', 'BLOCKED', 'CANCELED');

-- CreateEnum
CREATE TYPE "JobKind" AS ENUM ('TICKET', 'REVIEW');

-- CreateEnum
CREATE TYPE "JobStatus" AS ENUM ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED');

-- CreateEnum
CREATE TYPE "PullRequestState" AS ENUM ('OPEN', 'MERGED', 'CLOSED');

-- CreateEnum
CREATE TYPE "PlanStatus" AS ENUM ('DRAFT', 'ACTIVE', 'COMPLETED', 'ARCHIVED');

-- CreateEnum
CREATE TYPE "DecisionStatus" AS ENUM ('ACCEPTED', 'SUPERSEDED');

-- CreateEnum
CREATE TYPE "CoordinationKind" AS ENUM ('DELEGATION', 'COLLABORATION', 'HANDOFF', 'CONFLICT');

-- CreateTable
CREATE TABLE "organization" (
    "id" UUID NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "last_task_number" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organization_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "actor" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "kind" "ActorKind" NOT NULL,
    "name" TEXT NOT NULL,
    "external_id" TEXT,
    "public_id" TEXT,
    "role" TEXT,
    "discipline" TEXT,
    "is_orchestrator" BOOLEAN NOT NULL DEFAULT false,
    "endpoint_url" TEXT,
    "host" TEXT,
    "specializations" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "capabilities" JSONB NOT NULL DEFAULT '{}',
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "status" "AgentStatus" NOT NULL DEFAULT 'ACTIVE',
    "health" "AgentHealth" NOT NULL DEFAULT 'OFFLINE',
    "last_heartbeat_at" TIMESTAMPTZ(3),
    "owner_id" UUID,
    "owner_label" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "actor_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "user_login" (
    "user_id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "password_hash" TEXT NOT NULL,
    "role" "UserRole" NOT NULL DEFAULT 'MEMBER',

    CONSTRAINT "user_login_pkey" PRIMARY KEY ("user_id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "token_hash" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "agent_id" UUID,
    "name" TEXT NOT NULL,
    "scopes" "ApiKeyScope"[],
    "secret_hash" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "project" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "repo_url" TEXT,
    "execution_mode" "ExecutionMode" NOT NULL DEFAULT 'DOCKER',
    "project_path" TEXT,
    "is_existing_repo" BOOLEAN NOT NULL DEFAULT false,
    "board_columns" JSONB NOT NULL DEFAULT '[{"id":"backlog","title":"Backlog","order":0},{"id":"in_progress","title":"In Progress","order":1},{"id":"in_review","title":"In Review","order":2},{"id":"done","title":"Done","order":3}]',
    "graph_nodes" JSONB NOT NULL DEFAULT '[]',
    "graph_edges" JSONB NOT NULL DEFAULT '[]',
    "graph_version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "project_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "project_note" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "title" TEXT NOT NULL,
    "content" TEXT NOT NULL,
    "node_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "project_note_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "task" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "source" "TaskSource" NOT NULL DEFAULT 'GRAPHQL',
    "number" INTEGER,
    "public_id" TEXT,
    "title" TEXT NOT NULL,
    "description" TEXT,
    "status" "TaskStatus" NOT NULL DEFAULT 'READY',
    "blocker" TEXT,
    "release_reason" TEXT,
    "failure_reason" TEXT,
    "priority" INTEGER NOT NULL DEFAULT 50,
    "priority_label" TEXT,
    "required_specialization" TEXT,
    "kind" TEXT NOT NULL DEFAULT 'general',
    "model_tier" TEXT NOT NULL DEFAULT 'standard',
    "project_id" UUID,
    "created_by_id" UUID,
    "created_by_label" TEXT,
    "assignee_id" UUID,
    "orchestrator_id" UUID,
    "due_at" TIMESTAMPTZ(3),
    "result" JSONB,
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "holder_id" UUID,
    "claimed_at" TIMESTAMPTZ(3),
    "lease_ttl_seconds" INTEGER,
    "lease_expires_at" TIMESTAMPTZ(3),
    "fence" INTEGER NOT NULL DEFAULT 0,
    "cancel_requested_at" TIMESTAMPTZ(3),
    "column_id" TEXT,
    "node_ids" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "edge_ids" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed_at" TIMESTAMPTZ(3),

    CONSTRAINT "task_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "task_attempt" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "task_id" UUID NOT NULL,
    "fence" INTEGER NOT NULL,
    "holder_id" UUID NOT NULL,
    "is_override" BOOLEAN NOT NULL DEFAULT false,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "outcome" "AttemptOutcome",
    "reason" TEXT,

    CONSTRAINT "task_attempt_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "job" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "task_id" UUID NOT NULL,
    "kind" "JobKind" NOT NULL,
    "status" "JobStatus" NOT NULL DEFAULT 'PENDING',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "fence" INTEGER NOT NULL DEFAULT 0,
    "lease_ttl_seconds" INTEGER,
    "lease_expires_at" TIMESTAMPTZ(3),
    "pr_number" INTEGER,
    "comment_body" TEXT,
    "github_comment_id" BIGINT,
    "failure_reason" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "job_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "execution_log" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "task_id" UUID NOT NULL,
    "job_id" UUID,
    "session_id" TEXT NOT NULL,
    "step" TEXT NOT NULL,
    "summary" TEXT NOT NULL,
    "raw_output" TEXT,
    "success" BOOLEAN,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "execution_log_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "memory_document" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "body" TEXT NOT NULL,
    "content_hash" TEXT NOT NULL,
    "embedding" REAL[] DEFAULT ARRAY[]::REAL[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "memory_document_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "setting" (
    "organization_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "is_encrypted" BOOLEAN NOT NULL DEFAULT false,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "setting_pkey" PRIMARY KEY ("organization_id","key")
);

-- CreateTable
CREATE TABLE "pull_request" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "task_id" UUID NOT NULL,
    "url" TEXT NOT NULL,
    "number" INTEGER,
    "state" "PullRequestState" NOT NULL DEFAULT 'OPEN',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "pull_request_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "review_comment" (
    "id" UUID NOT NULL,
    "pull_request_id" UUID NOT NULL,
    "github_comment_id" BIGINT,
    "author" TEXT,
    "body" TEXT NOT NULL,
    "addressed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "review_comment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "thread" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "project_id" UUID,
    "task_id" UUID,
    "title" TEXT,
    "type" TEXT NOT NULL DEFAULT 'general',
    "created_by_id" UUID,
    "created_by_label" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "thread_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "message" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "thread_id" UUID NOT NULL,
    "sender_id" UUID,
    "sender_name" TEXT NOT NULL,
    "type" TEXT NOT NULL DEFAULT 'note',
    "payload" JSONB NOT NULL DEFAULT '{}',
    "reply_to_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "message_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "plan" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "project_id" UUID,
    "title" TEXT NOT NULL,
    "body_markdown" TEXT NOT NULL,
    "status" "PlanStatus" NOT NULL DEFAULT 'DRAFT',
    "revision" INTEGER NOT NULL DEFAULT 1,
    "author_id" UUID,
    "author_label" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "plan_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "plan_revision" (
    "plan_id" UUID NOT NULL,
    "revision" INTEGER NOT NULL,
    "title" TEXT NOT NULL,
    "body_markdown" TEXT NOT NULL,
    "author_id" UUID,
    "author_label" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "plan_revision_pkey" PRIMARY KEY ("plan_id","revision")
);

-- CreateTable
CREATE TABLE "decision" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "project_id" UUID,
    "title" TEXT NOT NULL,
    "body_markdown" TEXT NOT NULL,
    "status" "DecisionStatus" NOT NULL DEFAULT 'ACCEPTED',
    "supersedes_id" UUID,
    "author_id" UUID,
    "author_label" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "decision_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "coordination_record" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "kind" "CoordinationKind" NOT NULL,
    "task_id" UUID,
    "project_id" UUID,
    "orchestrator_id" UUID,
    "note" TEXT,
    "conflict_type" TEXT,
    "details" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "coordination_record_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "coordination_participant" (
    "record_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "actor_id" UUID NOT NULL,
    "role" TEXT,

    CONSTRAINT "coordination_participant_pkey" PRIMARY KEY ("record_id","position")
);

-- CreateTable
CREATE TABLE "event" (
    "seq" BIGSERIAL NOT NULL,
    "xid" xid8 NOT NULL DEFAULT pg_current_xact_id(),
    "organization_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    "actor_id" UUID,
    "actor_label" TEXT,
    "subject_id" UUID NOT NULL,
    "task_id" UUID,
    "project_id" UUID,
    "thread_id" UUID,
    "agent_id" UUID,
    "specialization" TEXT,
    "source" "TaskSource",
    "data" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "event_pkey" PRIMARY KEY ("seq")
);

-- CreateTable
CREATE TABLE "event_log_horizon" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "pruned_xid" xid8 NOT NULL DEFAULT '0'::xid8,
    "pruned_seq" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "event_log_horizon_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotency_key" (
    "organization_id" UUID NOT NULL,
    "caller" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "request_hash" TEXT NOT NULL,
    "response" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_key_pkey" PRIMARY KEY ("organization_id","caller","key")
);

-- CreateIndex
CREATE UNIQUE INDEX "organization_slug_key" ON "organization"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "actor_public_id_key" ON "actor"("public_id");

-- CreateIndex
CREATE INDEX "actor_organization_id_kind_id_idx" ON "actor"("organization_id", "kind", "id");

-- CreateIndex
CREATE INDEX "actor_health_due_idx" ON "actor"("last_heartbeat_at") WHERE (health <> 'OFFLINE');

-- CreateIndex
CREATE UNIQUE INDEX "actor_organization_id_external_id_key" ON "actor"("organization_id", "external_id");

-- CreateIndex
CREATE UNIQUE INDEX "actor_organization_id_id_key" ON "actor"("organization_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "user_login_email_key" ON "user_login"("email");

-- CreateIndex
CREATE UNIQUE INDEX "session_token_hash_key" ON "session"("token_hash");

-- CreateIndex
CREATE INDEX "session_user_id_idx" ON "session"("user_id");

-- CreateIndex
CREATE INDEX "session_expires_at_idx" ON "session"("expires_at");

-- CreateIndex
CREATE INDEX "api_key_agent_id_idx" ON "api_key"("agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_organization_id_id_key" ON "api_key"("organization_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "project_organization_id_id_key" ON "project"("organization_id", "id");

-- CreateIndex
CREATE INDEX "project_note_project_id_id_idx" ON "project_note"("project_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "task_public_id_key" ON "task"("public_id");

-- CreateIndex
CREATE INDEX "task_ready_idx" ON "task"("organization_id", "required_specialization", "priority", "id") WHERE (status = 'READY');

-- CreateIndex
CREATE INDEX "task_ready_project_idx" ON "task"("project_id", "required_specialization", "priority", "id") WHERE (status = 'READY');

-- CreateIndex
CREATE INDEX "task_lease_idx" ON "task"("lease_expires_at") WHERE (lease_expires_at IS NOT NULL);

-- CreateIndex
CREATE INDEX "task_holder_idx" ON "task"("holder_id") WHERE (holder_id IS NOT NULL);

-- CreateIndex
CREATE INDEX "task_organization_id_status_id_idx" ON "task"("organization_id", "status", "id");

-- CreateIndex
CREATE INDEX "task_organization_id_priority_id_idx" ON "task"("organization_id", "priority", "id");

-- CreateIndex
CREATE INDEX "task_project_idx" ON "task"("project_id", "id") WHERE (project_id IS NOT NULL);

-- CreateIndex
CREATE INDEX "task_assignee_idx" ON "task"("assignee_id", "id") WHERE (assignee_id IS NOT NULL);

-- CreateIndex
CREATE INDEX "task_orchestrator_idx" ON "task"("orchestrator_id", "id") WHERE (orchestrator_id IS NOT NULL);

-- CreateIndex
CREATE UNIQUE INDEX "task_organization_id_number_key" ON "task"("organization_id", "number");

-- CreateIndex
CREATE UNIQUE INDEX "task_organization_id_id_key" ON "task"("organization_id", "id");

-- CreateIndex
CREATE INDEX "task_attempt_holder_id_id_idx" ON "task_attempt"("holder_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "task_attempt_task_id_fence_key" ON "task_attempt"("task_id", "fence");

-- CreateIndex
CREATE UNIQUE INDEX "task_attempt_organization_id_id_key" ON "task_attempt"("organization_id", "id");

-- CreateIndex
CREATE INDEX "job_pending_idx" ON "job"("organization_id", "project_id", "id") WHERE (status = 'PENDING');

-- CreateIndex
CREATE INDEX "job_lease_idx" ON "job"("lease_expires_at") WHERE (lease_expires_at IS NOT NULL);

-- CreateIndex
CREATE INDEX "job_task_id_id_idx" ON "job"("task_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "job_organization_id_id_key" ON "job"("organization_id", "id");

-- CreateIndex
CREATE INDEX "execution_log_task_id_id_idx" ON "execution_log"("task_id", "id");

-- CreateIndex
CREATE INDEX "execution_log_job_id_id_idx" ON "execution_log"("job_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "memory_document_project_id_content_hash_key" ON "memory_document"("project_id", "content_hash");

-- CreateIndex
CREATE UNIQUE INDEX "pull_request_task_id_url_key" ON "pull_request"("task_id", "url");

-- CreateIndex
CREATE UNIQUE INDEX "review_comment_pull_request_id_github_comment_id_key" ON "review_comment"("pull_request_id", "github_comment_id");

-- CreateIndex
CREATE INDEX "thread_project_id_id_idx" ON "thread"("project_id", "id");

-- CreateIndex
CREATE INDEX "thread_task_id_id_idx" ON "thread"("task_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "thread_organization_id_id_key" ON "thread"("organization_id", "id");

-- CreateIndex
CREATE INDEX "message_thread_id_id_idx" ON "message"("thread_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "message_organization_id_id_key" ON "message"("organization_id", "id");

-- CreateIndex
CREATE INDEX "plan_project_id_id_idx" ON "plan"("project_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "plan_organization_id_id_key" ON "plan"("organization_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "decision_supersedes_id_key" ON "decision"("supersedes_id");

-- CreateIndex
CREATE INDEX "decision_project_id_id_idx" ON "decision"("project_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "decision_organization_id_id_key" ON "decision"("organization_id", "id");

-- CreateIndex
CREATE INDEX "coordination_record_task_id_id_idx" ON "coordination_record"("task_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "coordination_record_organization_id_id_key" ON "coordination_record"("organization_id", "id");

-- CreateIndex
CREATE INDEX "coordination_participant_actor_id_idx" ON "coordination_participant"("actor_id");

-- CreateIndex
CREATE INDEX "event_xid_seq_idx" ON "event"("xid", "seq");

-- CreateIndex
CREATE INDEX "event_organization_id_xid_seq_idx" ON "event"("organization_id", "xid", "seq");

-- CreateIndex
CREATE INDEX "event_task_idx" ON "event"("task_id", "xid", "seq") WHERE (task_id IS NOT NULL);

-- CreateIndex
CREATE INDEX "event_occurred_at_idx" ON "event"("occurred_at");

-- CreateIndex
CREATE INDEX "idempotency_key_created_at_idx" ON "idempotency_key"("created_at");

-- AddForeignKey
ALTER TABLE "actor" ADD CONSTRAINT "actor_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "actor" ADD CONSTRAINT "actor_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "user_login" ADD CONSTRAINT "user_login_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "actor"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "actor"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "project" ADD CONSTRAINT "project_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "project_note" ADD CONSTRAINT "project_note_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task" ADD CONSTRAINT "task_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task" ADD CONSTRAINT "task_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task" ADD CONSTRAINT "task_created_by_id_fkey" FOREIGN KEY ("created_by_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task" ADD CONSTRAINT "task_assignee_id_fkey" FOREIGN KEY ("assignee_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task" ADD CONSTRAINT "task_orchestrator_id_fkey" FOREIGN KEY ("orchestrator_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task" ADD CONSTRAINT "task_holder_id_fkey" FOREIGN KEY ("holder_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_attempt" ADD CONSTRAINT "task_attempt_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_attempt" ADD CONSTRAINT "task_attempt_holder_id_fkey" FOREIGN KEY ("holder_id") REFERENCES "actor"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "execution_log" ADD CONSTRAINT "execution_log_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "execution_log" ADD CONSTRAINT "execution_log_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memory_document" ADD CONSTRAINT "memory_document_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pull_request" ADD CONSTRAINT "pull_request_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "review_comment" ADD CONSTRAINT "review_comment_pull_request_id_fkey" FOREIGN KEY ("pull_request_id") REFERENCES "pull_request"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "thread" ADD CONSTRAINT "thread_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "thread" ADD CONSTRAINT "thread_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "thread" ADD CONSTRAINT "thread_created_by_id_fkey" FOREIGN KEY ("created_by_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "message" ADD CONSTRAINT "message_thread_id_fkey" FOREIGN KEY ("thread_id") REFERENCES "thread"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "message" ADD CONSTRAINT "message_sender_id_fkey" FOREIGN KEY ("sender_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "message" ADD CONSTRAINT "message_reply_to_id_fkey" FOREIGN KEY ("reply_to_id") REFERENCES "message"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "plan" ADD CONSTRAINT "plan_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "plan" ADD CONSTRAINT "plan_author_id_fkey" FOREIGN KEY ("author_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "plan_revision" ADD CONSTRAINT "plan_revision_plan_id_fkey" FOREIGN KEY ("plan_id") REFERENCES "plan"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "plan_revision" ADD CONSTRAINT "plan_revision_author_id_fkey" FOREIGN KEY ("author_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "decision" ADD CONSTRAINT "decision_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "decision" ADD CONSTRAINT "decision_author_id_fkey" FOREIGN KEY ("author_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "decision" ADD CONSTRAINT "decision_supersedes_id_fkey" FOREIGN KEY ("supersedes_id") REFERENCES "decision"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "coordination_record" ADD CONSTRAINT "coordination_record_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "coordination_record" ADD CONSTRAINT "coordination_record_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "coordination_record" ADD CONSTRAINT "coordination_record_orchestrator_id_fkey" FOREIGN KEY ("orchestrator_id") REFERENCES "actor"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "coordination_participant" ADD CONSTRAINT "coordination_participant_record_id_fkey" FOREIGN KEY ("record_id") REFERENCES "coordination_record"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "coordination_participant" ADD CONSTRAINT "coordination_participant_actor_id_fkey" FOREIGN KEY ("actor_id") REFERENCES "actor"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- From here on by hand: what the datamodel cannot say.

-- The lease is all there or not at all, and only on a task that somebody may be working on. The three statuses may also
-- stand without a lease: the worker dialect's tickets have none.
ALTER TABLE "task"
    ADD CONSTRAINT "task_lease_whole_check" CHECK (num_nulls("holder_id", "claimed_at", "lease_ttl_seconds", "lease_expires_at") IN (0, 4)),
    ADD CONSTRAINT "task_lease_status_check" CHECK ("holder_id" IS NULL OR "status" IN ('CLAIMED', 'IN_PROGRESS', 'REVIEW')),
    ADD CONSTRAINT "task_lease_ttl_check" CHECK ("lease_ttl_seconds" BETWEEN 1 AND 86400),
    ADD CONSTRAINT "task_priority_check" CHECK ("priority" BETWEEN 0 AND 100);

-- Every heartbeat updates its task. Room on each page keeps the new version of the row beside the old one, and an early
-- vacuum keeps dead versions from piling up in the index that claims walk.
ALTER TABLE "task" SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

INSERT INTO "organization" ("id", "slug", "name") VALUES ('00000000-0000-7000-8000-000000000001', 'default', 'Default');

INSERT INTO "event_log_horizon" ("id") VALUES (1);
