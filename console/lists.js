// Pages that are a list or two: dead letters, feed, inbox, worker.

import { get } from './api.js';
import { askMany, show } from './dialog.js';
import { cell, h, keep, say, table } from './dom.js';
import { badge, bytes, count, time } from './format.js';
import { text } from './text.js';

// A table under a heading, with a word where it is empty. cells(item) gives a row's.
export function listing(root, heading, columns, keyOf, cells, nothing) {
	const list = table(heading, columns);
	const empty = h('p', {});

	root.append(h('h2', {}, heading), list.element, empty);
	return (items) => {
		list.element.hidden = items.length === 0;
		empty.textContent = items.length ? '' : nothing;
		keep(list.body, items, keyOf, (item) => h('tr', {}, cells(item)));
	};
}

export function deadLetters(root, args, { me, again }) {
	const columns = text.dead.columns;

	root.append(h('h1', {}, text.nav.dead_letters));

	const fill = listing(root, text.dead.caption, [...Object.values(columns), ''],
		(group) => `${group.server} ${group.state} ${group.code}`, (group) => {
			const filter = { server: group.server, state: group.state, ...(group.code ? { code: group.code } : {}) };
			const query = new URLSearchParams({ server: group.server, problem: group.state, ...(group.code ? { code: group.code } : {}) });
			const which = `${group.server} ${group.state} ${group.code ?? ''}`;

			return [cell(columns.server, group.server), cell(columns.state, badge(group.state)),
				cell(columns.code, group.code ?? text.none), cell(columns.messages, count(group.messages)),
				cell(columns.last_created_at, time(group.last_created_at)),
				cell(columns.error, h('span', { class: 'clip' }, group.error ?? text.none)),
				h('td', { class: 'buttons' },
					h('a', { href: `#/messages?${query}`, 'aria-label': `${text.dead.show}: ${which}` }, text.dead.show),
					h('a', { href: `#/message?id=${group.example}`, 'aria-label': `${text.dead.example}: ${which}` }, text.dead.example),
					me.may_act && ['retry', 'close'].map((act) => h('button', {
						'aria-label': `${text.acts[act]}: ${which}`, onclick: () => askMany(act, filter, again)
					}, text.acts[act])))];
		}, text.dead.empty);

	return async (signal) => fill((await get('dead_letters', {}, signal)).dead_letters);
}

export function feed(root) {
	const columns = text.feed.columns;
	const shared = (one) => [cell(columns.owner, one.owner), cell(columns.unread, count(one.unread)),
		cell(columns.oldest_unread_at, time(one.oldest_unread_at)), cell(columns.read_at, time(one.read_at))];
	const sharedNames = [columns.owner, columns.unread, columns.oldest_unread_at, columns.read_at];

	root.append(h('h1', {}, text.nav.handlers));

	const handlers = listing(root, text.feed.handlers,
		[columns.handler, ...sharedNames, columns.function, columns.failures, columns.last_error],
		(one) => `${one.owner} ${one.handler}`, (one) => [cell(columns.handler, one.handler), shared(one),
			cell(columns.function, one.function ?? text.none), cell(columns.failures, count(one.failures)),
			cell(columns.last_error, one.last_error ?? text.none)].flat(), text.feed.emptyHandlers);
	const consumers = listing(root, text.feed.consumers, [columns.consumer, ...sharedNames, columns.notify],
		(one) => `${one.owner} ${one.consumer}`, (one) => [cell(columns.consumer, one.consumer), shared(one),
			cell(columns.notify, one.notify ?? text.none)].flat(), text.feed.emptyConsumers);

	return async (signal) => {
		const found = await get('handlers', {}, signal);

		handlers(found.handlers);
		consumers(found.consumers);
	};
}

async function showPush(id) {
	const { push } = await get('push', { id });
	const names = text.inbox;

	if (push)
		show(names.title(id), h('div', {},
			h('h3', {}, names.headers), h('pre', { tabindex: '0' }, push.headers),
			h('h3', {}, push.payload ? names.payload : names.body),
			h('pre', { tabindex: '0' }, push.payload ?? bytes(push.body ?? ''))));
}

export function inbox(root, args) {
	const columns = text.inbox.columns;
	const older = h('a', { hidden: true, href: '#' }, text.messages.older);

	root.append(h('h1', {}, text.nav.inbox));

	const fill = listing(root, text.inbox.caption, [...Object.values(columns), ''], (push) => push.id, (push) => [
		cell(columns.id, push.id), cell(columns.server, push.server), cell(columns.type, push.type ?? text.none),
		cell(columns.received_at, time(push.received_at)), cell(columns.done_at, time(push.done_at)),
		h('td', {}, h('button', { 'aria-label': `${text.inbox.open} ${push.id}`, onclick: () => showPush(push.id).catch((refusal) => say(refusal.message)) }, text.inbox.open))
	], text.inbox.empty);

	root.append(h('p', {}, older));
	return async (signal) => {
		const { pushes, next } = await get('inbox', args, signal);

		fill(pushes);
		older.hidden = !next;
		if (next)
			older.href = `#/inbox?${new URLSearchParams({ ...args, before: next })}`;
	};
}

export function worker(root) {
	const columns = text.worker.columns;
	const counts = text.worker.counts;

	root.append(h('h1', {}, text.nav.worker));

	const processes = listing(root, text.worker.processes, Object.values(columns), (one) => `${one.type} ${one.pid}`,
		(one) => [cell(columns.type, one.type), cell(columns.pid, String(one.pid)),
			cell(columns.started_at, time(one.started_at)), cell(columns.state, one.state ?? text.none),
			cell(columns.doing, one.doing ?? text.none)], text.worker.empty);
	const activity = listing(root, text.worker.activity, Object.values(counts), (one) => one.process,
		(one) => [cell(counts.process, one.process), cell(counts.turns, count(one.turns)),
			cell(counts.commits, count(one.commits)), cell(counts.results, count(one.results)),
			cell(counts.errors, count(one.errors)), cell(counts.in_flight, count(one.in_flight)),
			cell(counts.longest_turn, text.worker.ms(count(Math.round(one.longest_turn)))),
			cell(counts.last_activity, time(one.last_activity))], text.worker.notYours);

	return async (signal) => {
		const found = await get('worker', {}, signal);

		processes(found.processes);
		activity(found.activity);
	};
}
