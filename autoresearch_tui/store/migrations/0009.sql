-- When the present task began: what was measured before it does not compare.
ALTER TABLE study ADD COLUMN task_since REAL NOT NULL DEFAULT 0;
