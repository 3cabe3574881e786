CREATE OR REPLACE VIEW order_totals AS
SELECT orders.id AS order_id, orders.customer, sum(order_lines.quantity * books.price_cents) AS total_cents
FROM orders
JOIN order_lines ON order_lines.order_id = orders.id
JOIN books ON books.id = order_lines.book_id
GROUP BY orders.id, orders.customer;
