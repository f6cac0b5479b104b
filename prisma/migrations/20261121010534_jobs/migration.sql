-- CreateIndex
CREATE INDEX "job_pending_any_idx" ON "job"("organization_id", "id") WHERE (status = 'PENDING');

-- CreateIndex
CREATE UNIQUE INDEX "job_unfinished_ticket_key" ON "job"("task_id") WHERE (kind = 'TICKET' AND status IN ('PENDING', 'RUNNING'));

-- A job has a lease exactly while it runs.
ALTER TABLE "job"
    ADD CONSTRAINT "job_lease_whole_check" CHECK (("lease_ttl_seconds" IS NULL) = ("lease_expires_at" IS NULL)),
    ADD CONSTRAINT "job_lease_status_check" CHECK (("status" = 'RUNNING') = ("lease_expires_at" IS NOT NULL)),
    ADD CONSTRAINT "job_lease_ttl_check" CHECK ("lease_ttl_seconds" BETWEEN 1 AND 86400);
