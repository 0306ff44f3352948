SET intervalstyle = 'postgres_verbose';
-- Who has paid is told so.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
UPDATE orders SET status = 'paid' WHERE id = 1;
SELECT n, server, recipient, operation_id, expires_in, message #>> '{vk,templateId}' AS template
FROM msgext_test.sent;
-- Busy at first; then taken, and VK fails, and the SMS arrives.
SELECT msgext_test.stub('vk', 'retry-after 30', times => 1);
SELECT * FROM msgext_test.run();
SELECT * FROM msgext_test.advance('1 min');
SELECT msgext_test.report(1, 'undelivered', 'vk');
SELECT msgext_test.report(1, 'delivered', 'sms');
ROLLBACK;
-- A note is nobody's business.
BEGIN;
UPDATE orders SET note = 'x' WHERE id = 1;
SELECT msgext_test.refute_sent();
SELECT msgext_test.assert_sent(recipient => '79031112233');
ROLLBACK;
-- Told once, and not too late.
BEGIN;
SELECT msgext_test.begin('2030-01-01 12:00Z');
SELECT msgext_test.stub('vk', 'retry-after 3600');
UPDATE orders SET status = 'paid' WHERE id = 1;
UPDATE orders SET note = 'x' WHERE id = 1;
SELECT msgext_test.assert_sent(operation_id => 'order-1-paid', times => 1);
SELECT * FROM msgext_test.advance('6 hours');
ROLLBACK;
