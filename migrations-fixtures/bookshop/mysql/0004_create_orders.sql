CREATE TABLE orders (
    id BIGINT AUTO_INCREMENT PRIMARY KEY,
    customer VARCHAR(200) NOT NULL,
    placed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) DEFAULT CHARACTER SET utf8mb4;
CREATE TABLE order_lines (
    order_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    quantity INT UNSIGNED NOT NULL,
    PRIMARY KEY (order_id, book_id),
    CONSTRAINT lines_have_orders FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
    CONSTRAINT lines_have_books FOREIGN KEY (book_id) REFERENCES books (id)
);
