-- What is ordered leaves the shelf.
CREATE TRIGGER stock_follows_orders AFTER INSERT ON order_lines
BEGIN
    UPDATE books
    SET stock = CASE WHEN stock >= NEW.quantity THEN stock - NEW.quantity ELSE 0 END
    WHERE id = NEW.book_id;
END;
