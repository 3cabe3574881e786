-- What is ordered leaves the shelf.
CREATE FUNCTION stock_follows_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE books SET stock = greatest(stock - NEW.quantity, 0) WHERE id = NEW.book_id;
    RETURN NULL;
END;
$$;
CREATE TRIGGER stock_follows_orders AFTER INSERT ON order_lines
FOR EACH ROW EXECUTE FUNCTION stock_follows_orders();
