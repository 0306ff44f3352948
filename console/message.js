// The page of one message: what it is, its way, its timeline with answers, its payload, and
// what can be done about it.

import { get } from './api.js';
import { askMany, askReplay } from './dialog.js';
import { cell, h, keep, table } from './dom.js';
import { badge, bytes, time, timeText } from './format.js';
import { text } from './text.js';
import { way } from './way.js';

const names = text.message;

// In which states what may be done. Whether it took effect, the answer tells.
const possible = {
	retry: ['failed', 'rejected', 'unknown'],
	cancel: ['queued'],
	close: ['failed', 'rejected', 'undelivered', 'expired', 'unknown'],
	replay: ['failed', 'rejected', 'undelivered', 'expired', 'unknown', 'cancelled']
};

function facts(message) {
	return h('dl', { class: 'facts' }, Object.entries(names.facts)
		.filter(([name]) => message[name] !== null && message[name] !== undefined)
		.map(([name, label]) => h('div', {}, h('dt', {}, label),
			h('dd', {}, /_(at|after)$/.test(name) ? time(message[name]) : String(message[name])))));
}

function answerOf(event) {
	return h('details', {}, h('summary', {}, names.answer),
		event.headers ? h('pre', { tabindex: '0' }, event.headers) : null,
		h('pre', { tabindex: '0' }, bytes(event.answer)));
}

function eventRow(event) {
	const columns = names.columns;
	const status = [event.status, event.http_status && names.http(event.http_status)].filter(Boolean).join(', ');

	return h('tr', {},
		cell(columns.at, time(event.at)),
		cell(columns.kind, event.kind, event.related ? [' ', h('a', { href: `#/message?id=${event.related}` }, event.related)] : null),
		cell(columns.attempt, event.attempt === null ? text.none : String(event.attempt)),
		cell(columns.channel, event.channel ?? text.none),
		cell(columns.state, event.state ? badge(event.state) : text.none),
		cell(columns.status, status || text.none),
		cell(columns.code, event.code ?? text.none),
		cell(columns.error, event.error ?? (event.answer ? null : text.none), event.answer ? answerOf(event) : null),
		cell(columns.by, event.actor ? names.by(event.actor, event.reason) : text.none));
}

export function page(root, args, { me, go, again }) {
	const top = h('div', {});
	const drawing = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': names.way });
	const list = table(names.timeline, Object.values(names.columns));
	const payload = h('pre', { tabindex: '0' });
	const note = h('p', { class: 'quiet' });
	const detail = h('pre', { tabindex: '0' });
	const missing = h('p', {});
	const rest = h('div', { hidden: true },
		top, h('h2', {}, names.way), drawing, h('h2', {}, names.timeline), list.element,
		h('h2', {}, names.payload), note, payload, h('h2', {}, names.detail), detail);
	let drawn = '';
	let whole = null;

	root.append(h('p', {}, h('a', { href: '#/messages' }, names.back)), h('h1', {}, names.title(args.id)), missing, rest);

	function buttons(message) {
		const may = (act) => me.may_act && message.may_change && possible[act].includes(message.state) &&
			(act !== 'close' || message.problem);

		return h('p', { class: 'buttons' },
			['retry', 'cancel', 'close'].filter(may).map((act) =>
				h('button', { onclick: () => askMany(act, { id: [message.id] }, again) }, text.acts[act])),
			may('replay') && whole !== null && h('button', {
				onclick: () => askReplay(message.id, whole, (id) => go(`#/message?id=${id}`))
			}, text.acts.replay));
	}

	async function readPayload(signal) {
		const found = await get('payload', { id: args.id }, signal);

		whole = found.cut ? null : found.payload;
		payload.textContent = found.payload ?? '';
		payload.hidden = found.payload === null;
		note.textContent = found.payload === null ? names.payloadHidden : found.cut ? names.payloadCut : '';
		drawn = '';
	}

	readPayload().then(again, () => undefined);

	async function refresh(signal) {
		const { message, events } = await get('message', { id: args.id }, signal);

		missing.textContent = message ? '' : names.missing;
		rest.hidden = !message;
		if (!message)
			return;

		const now = JSON.stringify([message, events.length, whole]);

		if (now !== drawn) {
			drawn = now;
			top.replaceChildren(
				h('p', {}, badge(message.state), message.waits
					? ` ${names.waits(message.waits.for, timeText(message.waits.until))}` : ''),
				buttons(message), facts(message));
			drawing.replaceChildren(way(events));
			detail.textContent = message.detail ? JSON.stringify(JSON.parse(message.detail), null, 2) : text.none;
		}
		keep(list.body, events, (event) => event.id ?? 'queued', eventRow);
	}
	return refresh;
}
