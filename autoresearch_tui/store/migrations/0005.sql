-- Turns of researchers, with what they cost.
CREATE TABLE turns (
  id INTEGER PRIMARY KEY,
  researcher TEXT,
  wanted INTEGER,
  started_at REAL,
  ended_at REAL,
  admitted INTEGER,
  tokens_in INTEGER,
  tokens_out INTEGER,
  cost REAL,
  instructions TEXT,
  outcome TEXT
);
INSERT INTO turns
  SELECT turn, min(researcher), 0, min(time), max(time), 0, 0, 0, 0, '', ''
  FROM thoughts GROUP BY turn;
CREATE INDEX idx_turns_researcher ON turns (researcher, id);
CREATE INDEX idx_turns_open ON turns (id) WHERE ended_at IS NULL;
ALTER TABLE experiments ADD COLUMN turn INTEGER;
