-- DropIndex
DROP INDEX "job_pending_any_idx";

-- DropIndex
DROP INDEX "job_pending_idx";

-- CreateIndex
CREATE INDEX "job_pending_in_project_idx" ON "job"("project_id", "created_at", "id") WHERE (status = 'PENDING');

-- CreateIndex
CREATE INDEX "job_pending_in_organization_idx" ON "job"("organization_id", "created_at", "id") WHERE (status = 'PENDING');
