-- whimbrel: foreign_keys=off
-- SQLite adds no constraint to a table that is there: it is built anew, and the rows that refer to it stay.
DROP TRIGGER stock_follows_orders;
CREATE TABLE books_new (
    id INTEGER PRIMARY KEY,
    author_id INTEGER NOT NULL REFERENCES authors (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    isbn TEXT NOT NULL UNIQUE,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    stock INTEGER NOT NULL DEFAULT 0
);
INSERT INTO books_new SELECT id, author_id, title, isbn, price_cents, stock FROM books;
DROP TABLE books;
ALTER TABLE books_new RENAME TO books;
CREATE INDEX books_by_author ON books (author_id, title);
CREATE TRIGGER stock_follows_orders AFTER INSERT ON order_lines
BEGIN
    UPDATE books
    SET stock = CASE WHEN stock >= NEW.quantity THEN stock - NEW.quantity ELSE 0 END
    WHERE id = NEW.book_id;
END;
