-- Training curves as one blob a run, with times; how far each output has been read.
CREATE TABLE curves (
  run TEXT PRIMARY KEY,
  points BLOB
);
INSERT INTO curves
  SELECT run, pack_curve(step, fraction, loss) FROM (SELECT * FROM curve ORDER BY run, step)
  GROUP BY run;
DROP TABLE curve;

CREATE TABLE readings (
  run TEXT PRIMARY KEY,
  job TEXT,
  "offset" INTEGER,
  written INTEGER,
  state TEXT
);
