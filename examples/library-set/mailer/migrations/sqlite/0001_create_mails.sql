CREATE TABLE mails (
    job_id INTEGER PRIMARY KEY REFERENCES jobs (id),
    recipient TEXT NOT NULL
) STRICT;
