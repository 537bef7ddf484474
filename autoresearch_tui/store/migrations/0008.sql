-- Readers that have some verdicts are told of those that are new.
ALTER TABLE judgements ADD COLUMN rev INTEGER NOT NULL DEFAULT 0;
CREATE INDEX idx_judgements_rev ON judgements (rev);
