-- DropIndex
DROP INDEX "job_unfinished_ticket_key";

-- AlterTable
ALTER TABLE "review_comment" ADD COLUMN     "is_answer" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "organization_id" UUID NOT NULL;

-- CreateIndex
CREATE UNIQUE INDEX "execution_log_organization_id_id_key" ON "execution_log"("organization_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "job_unfinished_ticket_key" ON "job"("task_id") WHERE (kind = 'TICKET' AND finished_at IS NULL);

-- CreateIndex
CREATE UNIQUE INDEX "pull_request_organization_id_id_key" ON "pull_request"("organization_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "review_comment_organization_id_id_key" ON "review_comment"("organization_id", "id");

ALTER TABLE "job"
    ADD CONSTRAINT "job_finished_check" CHECK (("finished_at" IS NULL) = ("status" IN ('PENDING', 'RUNNING')));
