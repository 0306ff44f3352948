// The page of servers: how each is, its last hour, pause and resume.

import { get } from './api.js';
import { chart, perMinute } from './chart.js';
import { askPause } from './dialog.js';
import { cell, h, keep, table } from './dom.js';
import { count, time } from './format.js';
import { text } from './text.js';

const names = text.servers;

function health(server) {
	if (server.paused)
		return 'paused';
	if (server.broken_at)
		return 'broken';
	if (server.last_error_at && (!server.last_success_at || server.last_error_at > server.last_success_at))
		return 'troubled';
	return 'running';
}

function facts(server) {
	const list = [
		[names.queued, server.exact === false ? names.atLeast(count(server.queued)) : count(server.queued)],
		[names.in_flight, count(server.in_flight)],
		[names.unknown, count(server.unknown)]
	];

	if (server.broken_at)
		list.push([names.broken_at, time(server.broken_at)], [names.probe_at, time(server.probe_at)]);
	if (server.oldest_queued_at)
		list.push([names.oldest, time(server.oldest_queued_at)]);
	if (server.last_success_at)
		list.push([names.success, time(server.last_success_at)]);
	if (server.last_error)
		list.push([names.error, h('span', {}, time(server.last_error_at), ' ', server.last_error)]);
	if (server.paused_accounts?.length)
		list.push([names.accounts, server.paused_accounts.join(', ')]);
	return h('dl', {}, list.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

function card({ server, bars }, again) {
	const state = health(server);
	const query = new URLSearchParams({ server: server.server });

	const held = server.paused || server.paused_accounts?.length > 0;

	return h('article', { class: 'card' },
		h('h2', {}, server.server, ' ', h('span', { class: 'quiet' }, server.provider)),
		h('p', {}, h('span', { class: `badge ${state}` }, names[state]),
			server.pause_reason ? ` ${server.pause_reason}` : null),
		chart(server.server, bars),
		facts(server),
		h('p', { class: 'buttons' },
			server.may_operate && h('button', {
				'aria-label': `${held ? names.resume : names.pause}: ${server.server}`,
				onclick: () => askPause(server.server, !held, again)
			}, held ? names.resume : names.pause),
			h('a', { href: `#/messages?${query}`, 'aria-label': `${names.messages}: ${server.server}` }, names.messages),
			h('a', { href: '#/dead_letters', 'aria-label': `${names.dead}: ${server.server}` }, names.dead)));
}

export function page(root, args, { again }) {
	const cards = h('div', { class: 'cards' });
	const empty = h('p', {});
	const columns = names.columns;
	const history = table(names.history, Object.values(columns));

	root.append(h('h1', {}, text.nav.servers), empty, cards, h('h2', {}, names.history), history.element);

	async function refresh(signal) {
		const [{ servers }, stats, { events }] = await Promise.all([
			get('servers', {}, signal), get('stats', {}, signal), get('server_events', {}, signal)]);

		empty.textContent = servers.length ? '' : names.empty;
		keep(cards, servers.map((server) => ({ server, bars: perMinute(stats, server.server) })),
			(item) => item.server.server, (item) => card(item, again));
		keep(history.body, events, (event) => `${event.at} ${event.server} ${event.kind}`, (event) => h('tr', {},
			cell(columns.at, time(event.at)), cell(columns.server, event.server), cell(columns.kind, event.kind),
			cell(columns.actor, event.actor ?? text.none), cell(columns.reason, event.reason ?? text.none),
			cell(columns.detail, event.detail ?? text.none)));
	}
	return refresh;
}
