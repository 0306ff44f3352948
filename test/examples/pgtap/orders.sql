\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
BEGIN;
SELECT plan(8);
SELECT msgext_test.begin('2030-01-01 12:00Z') \g /dev/null
UPDATE orders SET status = 'paid' WHERE id = 1;
SELECT results_eq(
    $$SELECT server, recipient, operation_id, expires_in, message #>> '{vk,templateId}' FROM msgext_test.sent$$,
    $$VALUES ('vk', '79031112233', 'order-1-paid', interval '6 hours', '123456')$$,
    'who has paid is told so');
SELECT msgext_test.stub('vk', 'retry-after 30', times => 1) \g /dev/null
SELECT results_eq('SELECT n, attempt, answer, state FROM msgext_test.run()',
    $$VALUES (1, 1, 'retry-after 30', 'queued')$$, 'the provider is busy');
SELECT results_eq($$SELECT n, attempt, answer, state FROM msgext_test.advance('1 min')$$,
    $$VALUES (1, 2, 'accept', 'accepted')$$, 'and takes it then');
SELECT is(msgext_test.report(1, 'undelivered', 'vk'), 'sent', 'VK fails, and it goes on by SMS');
SELECT is(msgext_test.report(1, 'delivered', 'sms'), 'delivered', 'which arrives');
SELECT msgext_test.begin() \g /dev/null
UPDATE orders SET note = 'x' WHERE id = 1;
SELECT lives_ok('SELECT msgext_test.refute_sent()', 'a note is nobody''s business');
SELECT throws_ok($$SELECT msgext_test.assert_sent(recipient => '79031112233')$$, 'P0004',
    'no message fits: recipient = 79031112233', 'a failed assertion says what was wanted');
UPDATE orders SET status = 'paid' WHERE id = 2;
SELECT ok(msgext_test.tap_sent('vk', '79031112234') LIKE 'ok %', 'or without pgTAP');
SELECT * FROM finish();
ROLLBACK;
