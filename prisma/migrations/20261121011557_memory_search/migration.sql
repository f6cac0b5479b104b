-- AlterTable
-- No version of Baton has written to "embedding": vectors have a table of their own now.
ALTER TABLE "memory_document" DROP COLUMN "embedding",
ADD COLUMN     "embed_not_before" TIMESTAMPTZ(3),
ADD COLUMN     "search" tsvector,
ADD COLUMN     "vector_dimensions" INTEGER,
ADD COLUMN     "vector_model" TEXT;
UPDATE "memory_document" SET "search" = to_tsvector('pg_catalog.english', "body");
ALTER TABLE "memory_document" ALTER COLUMN "search" SET NOT NULL;

-- CreateTable
CREATE TABLE "memory_vector" (
    "document_id" UUID NOT NULL,
    "part" INTEGER NOT NULL,
    "project_id" UUID NOT NULL,
    "model" TEXT NOT NULL,
    "dimensions" INTEGER NOT NULL,
    "elements" REAL[],
    "signs" VARBIT NOT NULL,

    CONSTRAINT "memory_vector_pkey" PRIMARY KEY ("document_id","part")
);
-- Vectors do not get smaller by compression: trying would only cost time.
ALTER TABLE "memory_vector" ALTER COLUMN "elements" SET STORAGE EXTERNAL;

-- CreateTable
CREATE TABLE "memory_word" (
    "project_id" UUID NOT NULL,
    "word" TEXT NOT NULL,
    "trigrams" TEXT[],

    CONSTRAINT "memory_word_pkey" PRIMARY KEY ("project_id","word")
);

-- CreateIndex
CREATE INDEX "memory_vector_project_id_model_dimensions_idx" ON "memory_vector"("project_id", "model", "dimensions");

-- CreateIndex
CREATE INDEX "memory_word_trigrams_idx" ON "memory_word" USING GIN ("trigrams");

-- CreateIndex
CREATE INDEX "memory_document_project_id_id_idx" ON "memory_document"("project_id", "id");

-- CreateIndex
CREATE INDEX "memory_document_search_idx" ON "memory_document" USING GIN ("search");

-- CreateIndex
CREATE UNIQUE INDEX "memory_document_organization_id_id_key" ON "memory_document"("organization_id", "id");

-- AddForeignKey
ALTER TABLE "memory_vector" ADD CONSTRAINT "memory_vector_document_id_fkey" FOREIGN KEY ("document_id") REFERENCES "memory_document"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memory_word" ADD CONSTRAINT "memory_word_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
