-- The application: who has paid is told so once, by VK or else by SMS.
CREATE TABLE orders (id int PRIMARY KEY, phone text NOT NULL, status text NOT NULL DEFAULT 'new', note text);

CREATE FUNCTION tell_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'paid' AND OLD.status <> 'paid' THEN
        PERFORM msgext.send_vk('vk',
            jsonb_build_object('subject', 'Shop', 'priority', 'high', 'routes', '["vk"]'::jsonb,
                'validityPeriod', 3600, 'phone', NEW.phone, 'templateId', 123456,
                'templateData', jsonb_build_object('order', NEW.id)),
            sms => jsonb_build_object('srcAddress', 'Shop', 'text', format('Order %s is paid.', NEW.id),
                'validityPeriod', 3600, 'dstAddress', NULL),
            operation_id => format('order-%s-paid', NEW.id),
            expires_at => now() + interval '6 hours');
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER tell_customer AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION tell_customer();

INSERT INTO orders VALUES (1, '79031112233'), (2, '79031112234');
