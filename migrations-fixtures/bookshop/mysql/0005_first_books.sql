-- Data that the shop opens with.
INSERT INTO authors (name) VALUES ('Selma Lagerlöf'), ('Stanisław Lem');
INSERT INTO books (author_id, title, isbn, price_cents, stock)
SELECT id, 'Nils Holgersson; a journey', '0-14-303932-2', 1290, 4 FROM authors WHERE name = 'Selma Lagerlöf'
UNION ALL SELECT id, 'The Star Diaries', '0156849054', 1190, 7 FROM authors WHERE name = 'Stanisław Lem'
UNION ALL SELECT id, 'Solaris', '0-15-602760-X', 1090, 0 FROM authors WHERE name = 'Stanisław Lem';
