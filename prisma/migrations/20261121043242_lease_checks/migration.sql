-- DropIndex
DROP INDEX "task_lease_idx";

-- AlterTable
ALTER TABLE "task" ADD COLUMN     "lease_check_at" TIMESTAMPTZ(3);

-- Leases that run while this is applied are looked at when they lapse.
UPDATE "task" SET "lease_check_at" = "lease_expires_at" WHERE "lease_expires_at" IS NOT NULL;

-- The sweep finds leases by this column alone: one that it would not look at in time must not be.
ALTER TABLE "task"
    ADD CONSTRAINT "task_lease_check_at_check" CHECK ("lease_expires_at" IS NULL OR coalesce("lease_check_at" <= "lease_expires_at", false));

-- CreateIndex
CREATE INDEX "task_lease_check_idx" ON "task"("lease_check_at") WHERE (lease_check_at IS NOT NULL);

-- The event log is read in the order of transaction numbers (docs/adr/0003). A statement that drew its number and then waited for a
-- row may find that a transaction with a higher number has written it meanwhile: its own event would come before that one's.
-- It is refused, and whoever runs it runs it again, with a new number. So along the versions of a task numbers only rise.
CREATE FUNCTION "refuse_late_write"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    "own" numeric := pg_current_xact_id()::text::numeric;
    -- The number of the transaction that wrote the version before this one, if it is a younger one. The row leaves out its epoch.
    "writer" xid8 := ("own" + mod(mod(OLD.xmin::text::numeric - "own", 4294967296) + 4294967296, 4294967296))::text::xid8;
BEGIN
    -- A number that nobody has drawn yet is in truth an older one.
    -- One that is still running is this transaction's own, of a savepoint.
    IF "writer" < pg_snapshot_xmax(pg_current_snapshot()) AND pg_xact_status("writer") = 'committed' THEN
        RAISE EXCEPTION 'a younger transaction has written this row of "%"', TG_TABLE_NAME
            USING ERRCODE = 'serialization_failure', HINT = 'Run the statement, or its whole transaction, again.';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER "task_late_write" AFTER UPDATE ON "task" FOR EACH ROW WHEN (age(OLD.xmin) < 0) EXECUTE FUNCTION "refuse_late_write"();
