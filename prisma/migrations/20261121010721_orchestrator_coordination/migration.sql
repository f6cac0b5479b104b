-- AlterTable
ALTER TABLE "coordination_record" ADD COLUMN     "project_label" TEXT;

-- CreateIndex
CREATE INDEX "coordination_record_orchestrator_id_id_idx" ON "coordination_record"("orchestrator_id", "id");

-- Orchestrators that registered before had no public id.
UPDATE "actor" SET "public_id" = 'c' || substr(md5(gen_random_uuid()::text), 1, 24)
WHERE "is_orchestrator" AND "public_id" IS NULL;

-- What a datamodel cannot say: what the orchestrator dialect shows has an id that it can show.
ALTER TABLE "actor"
    ADD CONSTRAINT "actor_orchestrator_public_id_check" CHECK (NOT "is_orchestrator" OR "public_id" IS NOT NULL);
ALTER TABLE "task"
    ADD CONSTRAINT "task_orchestrator_public_id_check" CHECK ("source" <> 'ORCHESTRATOR' OR "public_id" IS NOT NULL);
