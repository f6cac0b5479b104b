-- CreateIndex
CREATE INDEX "task_queue_idx" ON "task"("organization_id", "priority", "created_at", "number") WHERE (source = 'QUEUE');

-- CreateIndex
CREATE INDEX "task_queue_open_idx" ON "task"("organization_id", "priority", "created_at", "number") WHERE (source = 'QUEUE' AND status <> ALL (ARRAY['DONE'::"TaskStatus", 'FAILED'::"TaskStatus", 'CANCELED'::"TaskStatus"]));
