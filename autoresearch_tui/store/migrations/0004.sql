-- The heart: verdicts by accelerator, attempts and their blame, instructions that outlive a crash.
ALTER TABLE study ADD COLUMN alarm TEXT NOT NULL DEFAULT '';
ALTER TABLE study ADD COLUMN task_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE experiments ADD COLUMN pinned TEXT;
ALTER TABLE experiments ADD COLUMN runs_judged INTEGER NOT NULL DEFAULT 0;
UPDATE experiments SET runs_judged = runs_wanted WHERE verdict IS NOT NULL;
ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'screen';
ALTER TABLE runs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
ALTER TABLE runs ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN "commit" TEXT;
ALTER TABLE runs ADD COLUMN node TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN cost REAL NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN blame TEXT;
UPDATE runs SET "commit" = (SELECT e."commit" FROM experiments e WHERE e.id = runs.experiment);
ALTER TABLE clusters ADD COLUMN node TEXT NOT NULL DEFAULT '';
ALTER TABLE clusters ADD COLUMN cost REAL NOT NULL DEFAULT 0;
ALTER TABLE clusters ADD COLUMN billed_at REAL;
ALTER TABLE clusters ADD COLUMN suspected TEXT NOT NULL DEFAULT '';

CREATE TABLE judgements (
  experiment TEXT REFERENCES experiments (id),
  accelerator TEXT,
  verdict TEXT,
  runs INTEGER,
  value REAL,
  gain REAL,
  why TEXT,
  judged_at REAL,
  is_best INTEGER,
  certified INTEGER,
  PRIMARY KEY (experiment, accelerator)
);
INSERT INTO judgements
  SELECT id, accelerator, verdict, runs_wanted, value, gain, why, judged_at, is_best, certified
  FROM experiments WHERE verdict IS NOT NULL AND accelerator IS NOT NULL;
CREATE INDEX idx_judgements_best ON judgements (accelerator) WHERE is_best = 1;

CREATE TABLE outbox (
  key TEXT PRIMARY KEY,
  "do" TEXT,
  subject TEXT,
  target TEXT,
  text TEXT,
  not_before REAL,
  tries INTEGER
);

CREATE INDEX idx_experiments_best ON experiments (accelerator) WHERE is_best = 1;
CREATE INDEX idx_experiments_roots ON experiments (number) WHERE parent IS NULL;
CREATE INDEX idx_experiments_verdict ON experiments (verdict);
CREATE INDEX idx_judgements_time ON judgements (judged_at);
CREATE INDEX idx_experiments_wave ON experiments (wave);
