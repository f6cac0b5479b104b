-- DropIndex
DROP INDEX "event_occurred_at_idx";

-- DropIndex
DROP INDEX "task_organization_id_number_key";

-- DropIndex
DROP INDEX "task_public_id_key";

-- CreateIndex
CREATE UNIQUE INDEX "task_number_key" ON "task"("organization_id", "number") WHERE (number IS NOT NULL);

-- CreateIndex
CREATE UNIQUE INDEX "task_public_key" ON "task"("public_id") WHERE (public_id IS NOT NULL);

-- As for tasks: along the versions of a job, the numbers of the transactions that write them only rise.
CREATE TRIGGER "job_late_write" AFTER UPDATE ON "job" FOR EACH ROW WHEN (age(OLD.xmin) < 0) EXECUTE FUNCTION "refuse_late_write"();
