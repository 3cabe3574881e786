ALTER TABLE books
    ALTER COLUMN isbn SET NOT NULL,
    ADD CONSTRAINT books_isbn_is_unique UNIQUE (isbn);
