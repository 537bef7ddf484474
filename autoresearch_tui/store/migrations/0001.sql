-- The first version.
CREATE TABLE study (
  id INTEGER PRIMARY KEY,
  tag TEXT,
  repository TEXT,
  base_commit TEXT,
  metric TEXT,
  minimize INTEGER,
  status TEXT,
  approval TEXT,
  created_at REAL,
  started_at REAL,
  ended_at REAL,
  end_reason TEXT,
  researcher TEXT,
  researcher_state TEXT,
  max_experiments INTEGER,
  deadline REAL,
  budget_usd REAL,
  spent_usd REAL,
  noise_sd REAL,
  engine_pid INTEGER,
  heartbeat_at REAL,
  rev INTEGER
);

CREATE TABLE experiments (
  id TEXT PRIMARY KEY,
  number INTEGER,
  wave INTEGER,
  status TEXT,
  title TEXT,
  hypothesis TEXT,
  origin TEXT,
  created_at REAL,
  edits TEXT,
  parent TEXT,
  expected TEXT,
  priority INTEGER,
  "commit" TEXT,
  digest TEXT,
  constants TEXT,
  lines_added INTEGER,
  lines_removed INTEGER,
  runs_wanted INTEGER,
  approve_at REAL,
  verdict TEXT,
  certified INTEGER,
  value REAL,
  gain REAL,
  accelerator TEXT,
  why TEXT,
  judged_at REAL,
  is_best INTEGER,
  rev INTEGER
);
CREATE UNIQUE INDEX idx_experiments_number ON experiments (number);
CREATE INDEX idx_experiments_status ON experiments (status);
CREATE INDEX idx_experiments_rev ON experiments (rev);
CREATE INDEX idx_experiments_digest ON experiments (digest);

CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  experiment TEXT REFERENCES experiments (id),
  ordinal INTEGER,
  status TEXT,
  seed INTEGER,
  created_at REAL,
  cluster TEXT,
  accelerator TEXT,
  submitted_at REAL,
  started_at REAL,
  ended_at REAL,
  exit_code INTEGER,
  value REAL,
  metrics TEXT,
  why TEXT,
  rev INTEGER
);
CREATE INDEX idx_runs_experiment ON runs (experiment);
CREATE INDEX idx_runs_status ON runs (status);
CREATE INDEX idx_runs_cluster_started_at ON runs (cluster, started_at);
CREATE INDEX idx_runs_rev ON runs (rev);

CREATE TABLE clusters (
  name TEXT PRIMARY KEY,
  backend TEXT,
  accelerator TEXT,
  status TEXT,
  created_at REAL,
  note TEXT,
  price REAL,
  up_at REAL,
  updated_at REAL
);

CREATE TABLE progress (
  run TEXT PRIMARY KEY,
  fraction REAL,
  step INTEGER,
  loss REAL,
  remaining REAL,
  line TEXT,
  updated_at REAL
);

CREATE TABLE curve (
  run TEXT,
  step INTEGER,
  fraction REAL,
  loss REAL,
  PRIMARY KEY (run, step)
);

CREATE TABLE thoughts (
  seq INTEGER PRIMARY KEY,
  turn INTEGER,
  time REAL,
  researcher TEXT,
  kind TEXT,
  text TEXT
);
CREATE INDEX idx_thoughts_turn ON thoughts (turn);

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  time REAL,
  kind TEXT,
  actor TEXT,
  subject TEXT,
  text TEXT,
  data TEXT
);
