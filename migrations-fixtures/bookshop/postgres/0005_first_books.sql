-- Data that the shop opens with.
INSERT INTO authors (name) VALUES ('Selma Lagerlöf'), ('Stanisław Lem');
INSERT INTO books (author_id, title, isbn, price_cents, stock)
SELECT authors.id, first.title, first.isbn, first.price_cents, first.stock
FROM authors
JOIN (VALUES
    ('Selma Lagerlöf', 'Nils Holgersson; a journey', '0-14-303932-2', 1290, 4),
    ('Stanisław Lem', 'The Star Diaries', '0156849054', 1190, 7),
    ('Stanisław Lem', 'Solaris', '0-15-602760-X', 1090, 0)
) AS first (author, title, isbn, price_cents, stock) ON first.author = authors.name;
