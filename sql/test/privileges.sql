-- It is a test database: its tests run as whoever they are of.
GRANT USAGE ON SCHEMA msgext_test TO PUBLIC;
GRANT SELECT ON msgext_test.sent, msgext_test.attempts TO PUBLIC;
