ALTER TABLE jobs ADD COLUMN ended_at timestamptz;
