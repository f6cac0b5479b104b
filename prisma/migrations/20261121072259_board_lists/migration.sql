-- CreateIndex
CREATE INDEX "event_occurred_at_idx" ON "event" USING BRIN ("occurred_at");

-- CreateIndex
CREATE INDEX "task_ended_idx" ON "task"("organization_id", "completed_at", "id") WHERE (completed_at IS NOT NULL);
