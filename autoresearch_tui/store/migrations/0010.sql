-- What accelerators say of themselves, newest only; it decides nothing.
CREATE TABLE telemetry (
    cluster TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    time REAL NOT NULL
);
