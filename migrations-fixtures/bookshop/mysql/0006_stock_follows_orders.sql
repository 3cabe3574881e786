-- What is ordered leaves the shelf.
DELIMITER //
CREATE TRIGGER stock_follows_orders AFTER INSERT ON order_lines FOR EACH ROW
BEGIN
    UPDATE books SET stock = greatest(stock - CAST(NEW.quantity AS SIGNED), 0) WHERE id = NEW.book_id;
END //
DELIMITER ;
