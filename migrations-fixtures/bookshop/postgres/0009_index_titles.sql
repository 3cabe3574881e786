-- whimbrel: no-transaction
-- Nobody who buys a book waits for this index.
CREATE INDEX CONCURRENTLY books_by_title ON books (lower(title));
