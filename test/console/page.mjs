// The console's page, used in Chromium as people use it. Prints "ok - …" and "not ok - …".
// Takes CHROMIUM, SIMULATOR (its url) and libpq's variables; SCREENSHOTS: a folder, to leave
// pictures for the documentation there.

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const patience = 60000;
const script = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';

function ok(truth, what, more) {
	console.log(`${truth ? 'ok' : 'not ok'} - ${what}`);
	if (!truth && more !== undefined)
		console.log(`# ${typeof more === 'string' ? more : JSON.stringify(more)}`);
}

function sql(role, text) {
	return execFileSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-U', role, '-c', text], { encoding: 'utf8' }).trim();
}

function post(phone, data, more) {
	return sql('anna', `SELECT msgext.send_vk('vk', jsonb_build_object('subject', 'AO', 'priority', 'high',
		'routes', '["vk"]'::jsonb, 'validityPeriod', 180, 'phone', '${phone}', 'templateId', 9223372036854775807,
		'templateData', '${JSON.stringify(data)}'::jsonb)${more ?? ''})`);
}

async function simulate(text) {
	await fetch(`${process.env.SIMULATOR}/control/script`, { method: 'POST', body: text });
}

async function seen(locator, what) {
	try {
		await locator.first().waitFor({ state: 'visible', timeout: patience });
		ok(true, what);
	} catch (error) {
		ok(false, what, error.message);
	}
}

async function accessible(page, where) {
	await page.evaluate(axe);
	const { violations } = await page.evaluate(() => window.axe.run());
	const serious = violations.filter((one) => ['serious', 'critical'].includes(one.impact));

	ok(serious.length === 0, `${where} can be used by everybody`,
		serious.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`).join('\n# '));
}

async function picture(page, name) {
	if (process.env.SCREENSHOTS)
		await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });
}

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM,
	args: ['--no-sandbox', '--disable-dev-shm-usage']
});
const problems = [];

async function newPage(options) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
	const page = await context.newPage();

	page.setDefaultTimeout(patience);
	page.on('pageerror', (error) => problems.push(String(error)));
	page.on('console', (message) => /Content Security Policy/.test(message.text()) && problems.push(message.text()));
	return page;
}

function open(role) {
	return sql(role, 'SELECT msgext.open_console()');
}

// ---- Signing in ----

const link = open('anna');
const page = await newPage();
const base = new URL(link).origin;

await page.goto(`${base}/`);
await seen(page.getByRole('heading', { name: 'No session' }), 'without a link there is no session');
await accessible(page, 'the page without a session');
await page.goto('about:blank');
await page.goto(link);
await seen(page.getByRole('heading', { name: 'Servers' }), 'with one there is');
ok(!(await page.url()).includes(link.split('#')[1]), 'and it is gone from the address');
await seen(page.getByText('anna in postgres'), 'it says who');
await seen(page.getByRole('article').getByText('running'), 'and how the server is');
const cookie = (await page.context().cookies())[0];
ok(cookie.httpOnly && cookie.sameSite === 'Strict', 'the cookie is the browser’s alone', cookie);
ok(await page.evaluate(() => document.cookie) === '', 'no script has it');

const again = await newPage();
await again.goto(link);
await seen(again.getByText('This link has been used'), 'a link is good once');
await again.context().close();

// ---- A stolen cookie ----

// Another port of the host gets the cookie, as browsers give it to all of them.
let stolen = '';
const thief = http.createServer((request, answer) => {
	stolen = request.headers.cookie ?? '';
	answer.setHeader('Content-Type', 'text/html');
	answer.end('<title>thief</title>');
});
await new Promise((resolve) => thief.listen(0, '127.0.0.1', resolve));
const evil = await page.context().newPage();
await evil.goto(`http://127.0.0.1:${thief.address().port}/`);
ok(stolen.includes(cookie.value), 'a service at another port is given the cookie');
const used = await fetch(`${base}/api/servers`, { headers: { Cookie: stolen } });
ok(used.status === 403, 'and can do nothing with it', used.status);
const crossed = await evil.evaluate(async (url) => {
	const tries = [];
	for (const options of [{}, { method: 'POST', body: '{"server": "vk"}' },
		{ method: 'POST', body: '{"server": "vk"}', headers: { 'Content-Type': 'application/json', 'X-Msgext-Key': 'x' } }])
		try {
			const answer = await fetch(`${url}/api/${options.method ? 'pause' : 'servers'}`, { credentials: 'include', ...options });
			tries.push(answer.type === 'opaque' ? 'opaque' : answer.status);
		} catch {
			tries.push('refused');
		}
	return tries;
}, base);
ok(crossed.every((one) => one === 'refused'), 'nor can its page', crossed);
ok(sql(process.env.SUPERUSER, 'SELECT paused FROM msgext.server_status') === 'f', 'nothing was paused by it');
await evil.goto(`data:text/html,<iframe src="${base}/"></iframe>`);
ok(!(await evil.frames()[1]?.title().catch(() => ''))?.includes('msgext'), 'the console is in nobody’s frame');
await evil.close();
thief.close();

// ---- A message on its way, live ----

await simulate('devino send match 79990000101 delay 1500');
const alive = post('79990000101', { note: script });
await page.getByRole('link', { name: 'Messages', exact: true }).first().click();
await seen(page.getByRole('link', { name: alive, exact: true }), 'a new message comes in by itself');
const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: alive, exact: true }) });
await seen(row.getByText('delivered', { exact: true }), 'and is followed until it is delivered');
await accessible(page, 'the page of messages');
await page.getByRole('link', { name: alive, exact: true }).click();
await seen(page.locator('svg.way .delivered'), 'its way is drawn');
await seen(page.getByText('9223372036854775807').first(), 'big numbers are exact');
await seen(page.locator('pre').filter({ hasText: 'onerror' }), 'a payload is shown as it is');
await page.locator('details summary').filter({ hasText: 'Answer' }).first().click();
await seen(page.locator('td pre').filter({ hasText: 'messageId' }), 'and what was answered');
await accessible(page, 'the page of a message');
await picture(page, 'message');

// ---- Filters, many at once ----

await simulate('devino send match 799900002 inner phone_invalid');
const bad = ['79990000201', '79990000202', '79990000203'].map((phone) => post(phone, { note: script },
	`, operation_id => '<b>${phone}</b>', ref => '{"order": 9007199254740993}'`));
await page.getByRole('link', { name: 'Dead letters', exact: true }).click();
await seen(page.getByRole('row').filter({ hasText: 'phone_invalid' }).getByText('3', { exact: true }), 'dead letters are counted');
await accessible(page, 'the page of dead letters');
await picture(page, 'dead-letters');
await page.getByRole('link', { name: /^Show: vk rejected/ }).click();
await seen(page.getByRole('link', { name: bad[2], exact: true }), 'and lead to their messages');
ok(page.url().includes('problem=rejected') && page.url().includes('code=phone_invalid'), 'by a filter in the address', page.url());
await page.reload();
await seen(page.getByRole('link', { name: bad[0], exact: true }), 'which can be opened again');
await simulate('clear');
await page.getByRole('checkbox', { name: `Select message ${bad[0]}` }).check();
await page.getByRole('button', { name: 'Send again' }).click();
await seen(page.getByText('It would be one message:'), 'first it is said how many');
await accessible(page, 'the question');
await page.getByLabel('Why').fill(script);
await page.getByRole('dialog').getByRole('button', { name: 'Send again' }).click();
await seen(page.getByText('1 queued again'), 'then it is done');
await page.getByRole('link', { name: bad[0], exact: true }).waitFor({ state: 'detached' });
ok(sql(process.env.SUPERUSER, `SELECT actor FROM msgext.message_event WHERE message_id = ${bad[0]} AND kind = 'retried'`) === 'anna', 'by who did it');

await page.getByRole('link', { name: 'Servers', exact: true }).click();
await page.getByRole('button', { name: 'Pause: vk' }).click();
await page.getByLabel('Why').fill('a test');
await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
await seen(page.getByRole('article').getByText('paused', { exact: true }), 'a server is paused');
const waiting = ['79990000401', '79990000402'].map((phone) => post(phone, {}));
await page.goto(`${base}/#/messages?state=queued`);
await seen(page.getByRole('link', { name: waiting[1], exact: true }), 'what is queued is found by its state');
await page.getByLabel('All that fit the filter').check();
await page.getByRole('button', { name: 'Cancel', exact: true }).click();
await seen(page.getByText('It would be 2 messages:'), 'all that fit are counted');
await page.getByRole('dialog').getByRole('button', { name: 'Cancel', exact: true }).click();
await seen(page.getByText('2 cancelled'), 'and cancelled');
await seen(page.getByText('No message fits.'), 'none is left');
await page.goto(`${base}/#/servers`);
await page.getByRole('button', { name: 'Resume: vk' }).click();
await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
await seen(page.getByRole('article').getByText('running'), 'a server is resumed');
await seen(page.getByRole('row').filter({ hasText: 'a test' }), 'and what happened to it is told');
await accessible(page, 'the page of servers');
await picture(page, 'servers');

// ---- A wrong password, found and mended as a new user would ----

sql(process.env.SUPERUSER, `CREATE SERVER wrong FOREIGN DATA WRAPPER msgext_devino OPTIONS (url '${process.env.SIMULATOR}/devino');
	CREATE USER MAPPING FOR PUBLIC SERVER wrong OPTIONS (login 'tester', password 'wrong');
	GRANT USAGE ON FOREIGN SERVER wrong TO anna`);
const refused = sql('anna', `SELECT msgext.send_vk('wrong', '{"subject": "AO", "priority": "high", "routes": ["vk"],
	"validityPeriod": 180, "phone": "79990000501", "templateId": 1, "templateData": {}}')`);
await seen(page.getByRole('article').filter({ hasText: 'wrong' }).getByText('Paused accounts'), 'a server with a wrong password is seen');
await page.goto(`${base}/#/message?id=${refused}`);
await seen(page.getByText(/It waits: account is paused: /), 'a message says what it waits for');
sql(process.env.SUPERUSER, `ALTER USER MAPPING FOR PUBLIC SERVER wrong OPTIONS (SET password '111111')`);
await seen(page.locator('.badge.delivered, .badge.sent, .badge.accepted').first(), 'and leaves when that is mended');

// ---- Templates ----

sql('anna', `SELECT msgext.create_template('order_paid', 'vk', '${JSON.stringify({ vk: { phone: '{{ref.phone}}', subject: script } })}',
	lookup => $q$SELECT '79990000601' AS phone, '${script}' AS text$q$, skip_when_null => '{ref.phone}')`);
sql('anna', `SELECT msgext.alter_template('order_paid', message => '{"vk": {"phone": "of the second version"}}')`);
await page.getByRole('navigation').getByRole('link', { name: 'Templates', exact: true }).click();
await seen(page.getByRole('row').filter({ hasText: 'order_paid' }).getByRole('cell', { name: 'anna' }), 'a template is in the list');
await accessible(page, 'the page of templates');
await page.locator('#main').focus();
await page.keyboard.press('j');
await page.keyboard.press('Enter');
await seen(page.locator('pre').filter({ hasText: 'of the second version' }), 'keys open it: what its latest version says');
ok(await page.title() === 'Template order_paid – msgext', 'the title tells which it is', await page.title());
await page.getByRole('link', { name: '1', exact: true }).click();
await seen(page.locator('pre').filter({ hasText: '{{ref.phone}}' }).filter({ hasText: 'onerror' }), 'and what an earlier one said, as it is');
await seen(page.locator('pre').filter({ hasText: 'SELECT' }).filter({ hasText: 'onerror' }), 'with its lookup');
await seen(page.getByText('ref.phone', { exact: true }), 'and its filter');
await accessible(page, 'the page of a template');

// ---- The rest of the pages, keys, other looks ----

for (const [name, text] of [['Inbox', 'No push is yours to see.'], ['Feed', 'No handler is yours to see.'], ['Worker', 'This takes membership in pg_monitor.']]) {
	await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
	await seen(page.getByText(text), `the page ${name}`);
	await accessible(page, `the page ${name}`);
}
await page.goto(`${base}/#/messages?ref=%7B&created_after=then`);
await seen(page.getByRole('button', { name: 'Find' }), 'a filter that is none does not take the page away');
await seen(page.getByRole('status').filter({ hasText: 'invalid input syntax' }), 'and it is said what is wrong');
const late = post('79990000701', {}, `, send_after => '20000-01-01'`);
await page.goto(`${base}/#/message?id=${late}`);
await seen(page.locator('dd').filter({ hasText: '20000-01-01' }), 'a time that no browser knows is shown as it is');
await page.goto(`${base}/#/messages`);
await seen(page.getByRole('link', { name: alive, exact: true }), 'all messages');
await page.locator('#main').focus();
await page.keyboard.press('j');
ok(await page.evaluate(() => document.activeElement.closest('tbody tr') !== null), 'j goes to a row');
await page.keyboard.press('x');
await seen(page.getByText('1 selected'), 'x selects it');
await page.keyboard.press('/');
ok(await page.evaluate(() => document.activeElement.name === 'server'), '/ goes to the filters');
await picture(page, 'messages');
await page.emulateMedia({ colorScheme: 'dark' });
await accessible(page, 'the page by night');
await picture(page, 'messages-dark');
await page.setViewportSize({ width: 390, height: 800 });
ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'a phone is wide enough');
await accessible(page, 'the page on a phone');
await picture(page, 'messages-phone');

// ---- A push ----

sql(process.env.SUPERUSER, `CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook
		OPTIONS (url 'http://127.0.0.1:1', callback_signature 'none');
	GRANT USAGE ON FOREIGN SERVER hook TO anna;
	GRANT EXECUTE ON FUNCTION msgext.can_consume() TO anna`);
sql(process.env.SUPERUSER, `SELECT msgext.receive_callback('hook', convert_to(v.body, 'UTF8'),
		jsonb_build_object('webhook-id', v.id, 'x-echo', '${script}'))
	FROM (VALUES ('push-1', '${JSON.stringify({ type: 'order.paid', note: script })}'), ('push-2', 'n=1&note=${script}')) AS v(id, body)`);
await page.goto(`${base}/#/inbox`);
const push = page.getByRole('row').filter({ hasText: 'order.paid' });
await seen(push, 'a push is in the inbox');
await accessible(page, 'the inbox with pushes');
await push.getByRole('button').click();
await seen(page.getByRole('dialog').locator('pre').filter({ hasText: 'order.paid' }).filter({ hasText: 'onerror' }), 'opened, it shows its payload as it is');
await seen(page.getByRole('dialog').locator('pre').filter({ hasText: 'x-echo' }).filter({ hasText: 'onerror' }), 'and its header');
await accessible(page, 'the push');
await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).click();
await page.getByRole('row').filter({ hasText: 'hook' }).filter({ hasNotText: 'order.paid' }).getByRole('button').click();
await seen(page.getByRole('dialog').locator('pre').filter({ hasText: 'n=1&note=<img' }), 'what is not JSON as it came');
await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).click();

// ---- Who may look only ----

const looker = await newPage();
await looker.goto(open('looker'));
await seen(looker.getByText('look only'), 'who may look is told so');
await looker.goto(`${base}/#/message?id=${bad[1]}`);
await seen(looker.getByText('The payload is not yours to read.'), 'sees a message, and not its payload');
ok(await looker.getByRole('button').filter({ hasNotText: 'Sign out' }).count() === 0, 'and no button');
await looker.goto(`${base}/#/worker`);
await seen(looker.getByText('msgext console'), 'a monitor sees the processes');
await accessible(looker, 'the page of the worker');
await looker.goto(`${base}/#/messages`);
await seen(looker.getByRole('link', { name: bad[1], exact: true }), 'and messages');
ok(await looker.getByRole('checkbox').count() === 0, 'without a choice');
const denied = await looker.evaluate(async (id) => {
	const key = localStorage.getItem(`msgext key ${location.origin}`);
	const answer = await fetch('api/cancel', {
		method: 'POST', headers: { 'X-Msgext-Key': key, 'Content-Type': 'application/json' },
		body: JSON.stringify({ filter: { id: [id] } })
	});
	return answer.status;
}, bad[1]);
ok(denied === 403, 'by hand neither', denied);

await looker.goto(`${base}/#/template?name=order_paid`);
await seen(looker.getByText('There is no such template or version'), 'and no template of another');

// ---- The end ----

await page.getByRole('button', { name: 'Sign out' }).click();
await seen(page.getByRole('heading', { name: 'No session' }), 'signing out ends it');
sql('looker', 'SELECT msgext.close_console()');
await seen(looker.getByRole('heading', { name: 'No session' }), 'and so does close_console(), on the page that is open');
ok(await page.evaluate(() => window.hacked) === undefined, 'no text of a message was run');
ok(problems.length === 0, 'no script failed, and none was stopped', problems.join('\n# '));
await browser.close();
