-- Data that the shop opens with.
INSERT INTO authors (id, name) VALUES
    (1, 'Selma Lagerlöf'),
    (2, 'Stanisław Lem');
INSERT INTO books (author_id, title, isbn, price_cents, stock) VALUES
    (1, 'Nils Holgersson; a journey', '0-14-303932-2', 1290, 4),
    (2, 'The Star Diaries', '0156849054', 1190, 7),
    (2, 'Solaris', '0-15-602760-X', 1090, 0);
