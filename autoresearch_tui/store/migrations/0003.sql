-- The lives of engines are read from the record by kind.
CREATE INDEX idx_events_kind ON events (kind);
