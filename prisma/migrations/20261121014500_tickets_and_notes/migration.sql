-- AlterTable
ALTER TABLE "project_note" ADD COLUMN     "edge_ids" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "node_ids" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "organization_id" UUID;

-- A note belongs to the organization of its project.
UPDATE "project_note" SET "organization_id" = "project"."organization_id"
FROM "project" WHERE "project"."id" = "project_note"."project_id";

ALTER TABLE "project_note" ALTER COLUMN "organization_id" SET NOT NULL;

-- AlterTable
ALTER TABLE "task" ADD COLUMN     "ticket_status" TEXT;

-- CreateIndex
CREATE UNIQUE INDEX "project_note_organization_id_id_key" ON "project_note"("organization_id", "id");
