CREATE TABLE mails (
    job_id bigint PRIMARY KEY REFERENCES jobs (id),
    recipient text NOT NULL
);
