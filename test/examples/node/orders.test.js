// Tests of an application that sends, each in a transaction that is rolled back.
const assert = require('node:assert');
const { after, afterEach, before, beforeEach, test } = require('node:test');
const { Client } = require('pg');

const db = new Client();

before(() => db.connect());
beforeEach(() => db.query('BEGIN'));
afterEach(() => db.query('ROLLBACK'));
after(() => db.end());

const rows = async (sql) => (await db.query({ text: sql, rowMode: 'array' })).rows;
const pay = (order) => db.query("UPDATE orders SET status = 'paid' WHERE id = $1", [order]);

test('who has paid is told', async () => {
	await pay(1);
	assert.deepStrictEqual(
		await rows("SELECT server, recipient, operation_id, message #>> '{vk,templateId}' FROM msgext_test.sent"),
		[['vk', '79031112233', 'order-1-paid', '123456']]);
});

test('a fallback to SMS', async () => {
	await db.query("SELECT msgext_test.begin('2030-01-01 12:00Z')");
	await pay(1);
	await db.query("SELECT msgext_test.stub('vk', 'retry-after 30', times => 1)");
	assert.deepStrictEqual(await rows('SELECT * FROM msgext_test.run()'), [[1, 1, 'retry-after 30', 'queued']]);
	assert.deepStrictEqual(await rows("SELECT * FROM msgext_test.advance('1 min')"), [[1, 2, 'accept', 'accepted']]);
	assert.deepStrictEqual(await rows("SELECT msgext_test.report(1, 'undelivered', 'vk')"), [['sent']]);
	assert.deepStrictEqual(await rows("SELECT msgext_test.report(1, 'delivered', 'sms')"), [['delivered']]);
});

test('a note tells nobody', async () => {
	await db.query("UPDATE orders SET note = 'x' WHERE id = 1");
	await db.query('SELECT msgext_test.refute_sent()');
});

test('a failed assertion says what was sent', async () => {
	await pay(1);
	await assert.rejects(db.query("SELECT msgext_test.assert_sent(recipient => '79031112234')"),
		(error) => error.code === 'P0004' && error.detail.includes('recipient is 79031112233, not 79031112234'));
});
