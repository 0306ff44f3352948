// The page of messages: filters, which stand in the address, pages, and many at once.

import { get } from './api.js';
import { askMany } from './dialog.js';
import { cell, h, keep, table } from './dom.js';
import { badge, isDate, time } from './format.js';
import { text } from './text.js';

const names = text.messages;
const inFirst = ['server', 'state', 'recipient'];
const inMore = ['code', 'problem', 'id', 'operation_id', 'ref', 'created_after', 'created_before'];
const problems = ['failed', 'rejected', 'undelivered', 'expired', 'unknown'];

// What is no JSON is no filter: what is wrong with it, the list is told when it asks.
function parsed(ref) {
	try {
		return JSON.parse(ref);
	} catch {
		return undefined;
	}
}

// What the functions for many messages have another name for, or none.
function filterOf(args) {
	const filter = {};

	for (const [name, value] of Object.entries(args)) {
		if (name === 'before')
			continue;
		if (name === 'operation_id' || (name === 'ref' && parsed(value) === undefined))
			return null;
		if (name === 'problem')
			filter.state = value;
		else if (name === 'state')
			filter.state = value.split(',');
		else
			filter[name] = name === 'ref' ? parsed(value) : value;
	}
	return Object.keys(filter).length ? filter : null;
}

function choice(name, value, options) {
	return h('select', { name },
		h('option', { value: '' }, names.any),
		options.map((option) => h('option', { value: option, selected: option === value },
			text.states[option] ?? option)));
}

function field(name, args, servers) {
	const value = args[name] ?? '';
	let input;

	if (name === 'server')
		input = servers.length ? choice(name, value, [...new Set([...servers, value].filter(Boolean))])
			: h('input', { name, value });
	else if (name === 'state')
		input = choice(name, value, Object.keys(text.states));
	else if (name === 'problem')
		input = choice(name, value, problems);
	else if (name.startsWith('created_'))
		input = h('input', { name, type: 'datetime-local', step: '1', value: isDate(value) && localTime(value) });
	else
		input = h('input', { name, value, autocomplete: 'off', spellcheck: 'false' });
	return h('label', {}, names.filters[name], input);
}

function localTime(at) {
	const date = new Date(at);

	return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

function filterForm(args, servers, go) {
	return h('form', {
		class: 'filters', role: 'search',
		onsubmit: (event) => {
			const found = {};

			event.preventDefault();
			for (const [name, value] of new FormData(event.target))
				if (value.trim())
					found[name] = name.startsWith('created_') ? new Date(value).toISOString() : value.trim();
			go(found);
		}
	}, inFirst.map((name) => field(name, args, servers)),
	h('details', { open: inMore.some((name) => args[name]) }, h('summary', {}, names.more),
		h('div', { class: 'filters' }, inMore.map((name) => field(name, args, servers)))),
	h('p', { class: 'buttons' }, h('button', { class: 'main', type: 'submit' }, names.find),
		h('button', { type: 'button', onclick: () => go({}) }, names.clear)));
}

function row(message, selected, mayAct, changed) {
	const columns = names.columns;

	return h('tr', {},
		mayAct && h('td', { class: 'pick' }, h('input', {
			type: 'checkbox', checked: selected.has(message.id), 'aria-label': names.select(message.id),
			onchange: (event) => {
				event.target.checked ? selected.add(message.id) : selected.delete(message.id);
				changed();
			}
		})),
		cell(columns.id, h('a', { href: `#/message?id=${message.id}` }, message.id)),
		cell(columns.server, message.server),
		cell(columns.recipient, message.recipient ?? text.none),
		cell(columns.state, badge(message.state),
			message.waiting && message.state === 'queued' ? h('span', { class: 'quiet' }, ' ', names.waits(message.waiting)) : null),
		cell(columns.provider_status, message.provider_status ?? text.none),
		cell(columns.code, message.code ?? text.none),
		cell(columns.error, h('span', { class: 'clip' }, message.error ?? text.none)),
		cell(columns.created_at, time(message.created_at)),
		cell(columns.attempts, String(message.attempts)));
}

export function page(root, args, { me, go, again }) {
	const selected = new Set();
	const filter = filterOf(args);
	const columns = names.columns;
	const list = table(names.caption, [...(me.may_act ? [''] : []), ...Object.values(columns)], 'messages');
	const empty = h('p', {});
	const form = h('div', {});
	const chosen = h('span', { class: 'quiet' });
	const all = h('input', { type: 'checkbox', disabled: filter === null, onchange: changed });
	const every = h('input', { type: 'checkbox', 'aria-label': names.selectAll, onchange: selectPage });
	const acts = ['retry', 'cancel', 'close'].map((act) => h('button', {
		disabled: true,
		onclick: () => askMany(act, all.checked ? filter : { id: [...selected] }, () => {
			selected.clear();
			all.checked = false;
			changed();
			again();
		})
	}, text.acts[act]));
	const older = h('a', { href: '#', hidden: true }, names.older);
	let shown = [];

	function changed() {
		chosen.textContent = all.checked ? names.allThatFit : names.selected(selected.size);
		every.checked = shown.length > 0 && shown.every((message) => selected.has(message.id));
		for (const button of acts)
			button.disabled = selected.size === 0 && !all.checked;
	}

	function selectPage() {
		for (const message of shown)
			every.checked ? selected.add(message.id) : selected.delete(message.id);
		for (const box of list.body.querySelectorAll('.pick input'))
			box.checked = every.checked;
		changed();
	}

	root.append(h('h1', {}, text.nav.messages), form);
	if (me.may_act) {
		list.element.querySelector('th').replaceChildren(every);
		root.append(h('div', { class: 'bulk', role: 'group', 'aria-label': text.nav.messages },
			chosen, acts, h('label', { class: 'line' }, all, names.allThatFit)));
		changed();
	}
	root.append(list.element, empty, h('p', { class: 'buttons' },
		args.before ? h('a', { href: address({ ...args, before: undefined }) }, names.newest) : null, older));

	function address(found) {
		return `#/messages?${new URLSearchParams(Object.entries(found).filter(([, value]) => value))}`;
	}

	get('servers').then(({ servers }) => servers.map((server) => server.server), () => []).then((servers) =>
		form.replaceChildren(filterForm(args, servers, (found) => go(address(found)))));

	async function refresh(signal) {
		const { messages, next } = await get('messages', args, signal);

		shown = messages;
		keep(list.body, messages, (message) => message.id,
			(message) => row(message, selected, me.may_act, changed));
		empty.textContent = messages.length ? '' : next ? names.emptySoFar : names.empty;
		older.hidden = !next;
		if (next)
			older.href = address({ ...args, before: next });
		if (me.may_act)
			changed();
	}
	return refresh;
}
