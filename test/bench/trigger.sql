-- The same message by triggers of every kind: scenario trigger. psql variable: library.

CREATE TABLE bench.customer (id int PRIMARY KEY, phone text, name text);
INSERT INTO bench.customer SELECT n, '79' || lpad(n::text, 9, '0'), 'Recipient number ' || n FROM generate_series(1, 1000) n;
ANALYZE bench.customer;

CREATE FUNCTION bench.by_c() RETURNS trigger LANGUAGE c AS :'library', 'bench_trigger';

-- As people write it who do not want to lose the row to a bad phone number: a template's
-- on_invalid => 'record' does the same.
CREATE FUNCTION bench.by_plpgsql() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM msgext.send_vk('vk', jsonb_build_object('subject', 'Shop24', 'priority', 'high', 'routes', jsonb_build_array('vk'),
            'validityPeriod', 3600, 'phone', NEW.phone, 'templateId', 4711, 'templateData', jsonb_build_object(
                'name', NEW.name, 'order', 'A-' || NEW.id,
                'text', 'Your order has been handed to the courier and will be with you between 14 and 18')));
    EXCEPTION WHEN invalid_parameter_value THEN
        RAISE WARNING 'order %: %', NEW.id, SQLERRM;
    END;
    RETURN NULL;
END$$;

-- And with a look-up.
CREATE FUNCTION bench.by_plpgsql_lookup() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    c bench.customer;
BEGIN
    SELECT * INTO c FROM bench.customer WHERE id = NEW.id % 1000 + 1;
    IF c.phone IS NULL THEN
        RETURN NULL;
    END IF;
    BEGIN
        PERFORM msgext.send_vk('vk', jsonb_build_object('subject', 'Shop24', 'priority', 'high', 'routes', jsonb_build_array('vk'),
            'validityPeriod', 3600, 'phone', c.phone, 'templateId', 4711, 'templateData', jsonb_build_object(
                'name', c.name, 'order', 'A-' || NEW.id,
                'text', 'Your order has been handed to the courier and will be with you between 14 and 18')));
    EXCEPTION WHEN invalid_parameter_value THEN
        RAISE WARNING 'order %: %', NEW.id, SQLERRM;
    END;
    RETURN NULL;
END$$;

SELECT msgext.create_template('bench', 'vk', '{"vk": {"subject": "Shop24", "priority": "high", "routes": ["vk"],
    "validityPeriod": 3600, "phone": "{{new.phone}}", "templateId": 4711, "templateData": {"name": "{{new.name}}",
        "order": "A-{{new.id}}", "text": "Your order has been handed to the courier and will be with you between 14 and 18"}}}', on_invalid => 'record');
SELECT msgext.create_template('bench_lookup', 'vk', '{"vk": {"subject": "Shop24", "priority": "high", "routes": ["vk"],
    "validityPeriod": 3600, "phone": "{{ref.phone}}", "templateId": 4711, "templateData": {"name": "{{ref.name}}",
        "order": "A-{{new.id}}", "text": "Your order has been handed to the courier and will be with you between 14 and 18"}}}',
    lookup => 'SELECT * FROM bench.customer WHERE id = $1.id % 1000 + 1', skip_when_null => '{ref.phone}', on_invalid => 'record');

-- A table for each, and one without a trigger.
CREATE PROCEDURE bench.table_for(name text, calls text, each text = 'FOR EACH ROW') LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE bench.%I (id int, phone text, name text)', name);
    IF calls <> '' THEN
        EXECUTE format('CREATE TRIGGER send AFTER INSERT ON bench.%I %s EXECUTE FUNCTION %s', name, each, calls);
    END IF;
END$$;
CALL bench.table_for('none', '');
CALL bench.table_for('notify', 'msgext.notify(''bench'')');
CALL bench.table_for('notify_all', 'msgext.notify(''bench'')', 'REFERENCING NEW TABLE AS added FOR EACH STATEMENT');
CALL bench.table_for('c', 'bench.by_c()');
CALL bench.table_for('plpgsql', 'bench.by_plpgsql()');
CALL bench.table_for('notify_lookup', 'msgext.notify(''bench_lookup'')');
CALL bench.table_for('plpgsql_lookup', 'bench.by_plpgsql_lookup()');

-- What this process has spent of a CPU, in nanoseconds.
CREATE FUNCTION bench.cpu() RETURNS bigint LANGUAGE sql VOLATILE AS
    $$ SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint $$;

-- Microseconds of CPU for each of n rows into that table; a first row makes what is made once.
CREATE FUNCTION bench.trigger_cpu(name text, n int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    rows text := format('INSERT INTO bench.%I SELECT n, ''79'' || lpad(n::text, 9, ''0''), ''Recipient number '' || n FROM generate_series(1, $1) n', name);
    begun bigint;
BEGIN
    EXECUTE rows USING 10;
    begun := bench.cpu();
    EXECUTE rows USING n;
    RETURN round((bench.cpu() - begun) / 1000.0 / n, 2);
END$$;
