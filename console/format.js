// Times, numbers and bytes as people read them.

import { h } from './dom.js';
import { text } from './text.js';

const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const short = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: '2-digit', month: 'short' });

// What PostgreSQL can date and a browser cannot: infinity, before Christ, after the year 9999.
export function isDate(at) {
	return !Number.isNaN(Date.parse(at));
}

// Of today the time; of another day that too.
export function time(at) {
	if (!isDate(at))
		return at ?? text.none;

	const date = new Date(at);
	const today = date.toDateString() === new Date().toDateString();

	return h('time', { datetime: at, title: full.format(date) },
		today ? short.format(date) : `${day.format(date)} ${short.format(date)}`);
}

export function timeText(at) {
	return isDate(at) ? full.format(new Date(at)) : at ?? '';
}

export function count(n) {
	return n === null || n === undefined ? text.none : n.toLocaleString();
}

export function badge(state) {
	return h('span', { class: `badge ${state}` }, text.states[state] ?? state);
}

// Bytes that came over HTTP, as text where they are one.
export function bytes(base64) {
	const binary = atob(base64);

	try {
		return new TextDecoder('utf-8', { fatal: true })
			.decode(Uint8Array.from(binary, (c) => c.charCodeAt(0)));
	} catch {
		return Array.from(binary, (c) => /[\x20-\x7e\n\t]/.test(c) ? c
			: '\\x' + c.charCodeAt(0).toString(16).padStart(2, '0')).join('');
	}
}
