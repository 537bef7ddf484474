-- The newest of a verdict before another one, and the newest runs of a status.
DROP INDEX idx_experiments_verdict;
CREATE INDEX idx_experiments_verdict ON experiments (verdict, judged_at);
