-- How the runs of the newest engine are confined, in words.
ALTER TABLE study ADD COLUMN confinement TEXT NOT NULL DEFAULT '';
