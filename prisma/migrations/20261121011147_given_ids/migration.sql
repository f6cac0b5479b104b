-- AlterTable
ALTER TABLE "project" ADD COLUMN     "external_id" UUID;

-- AlterTable
ALTER TABLE "thread" ADD COLUMN     "external_id" UUID;

-- CreateIndex
CREATE UNIQUE INDEX "project_organization_id_external_id_key" ON "project"("organization_id", "external_id");

-- CreateIndex
CREATE UNIQUE INDEX "thread_organization_id_external_id_key" ON "thread"("organization_id", "external_id");
