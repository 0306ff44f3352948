// The frame: signs in, finds the page that the address names, and asks again every two seconds
// while somebody looks.

import { begin, end, get } from './api.js';
import { h, say } from './dom.js';
import { timeText } from './format.js';
import { deadLetters, feed, inbox, worker } from './lists.js';
import { page as message } from './message.js';
import { page as messages } from './messages.js';
import { page as servers } from './servers.js';
import { template, templates } from './templates.js';
import { text } from './text.js';

const PAUSE_MS = 2000;

const pages = { servers, messages, message, dead_letters: deadLetters, templates, template, inbox, handlers: feed, worker };
const main = document.getElementById('main');
const top = document.getElementById('top');

let me = null;
let refresh = null;
let asking = null; // aborts what the page before has asked for
let timer;

function signedOut(why) {
	me = null;
	refresh = null;
	top.replaceChildren();
	main.replaceChildren(h('h1', {}, text.signedOut), h('p', {}, why),
		h('pre', { tabindex: '0' }, text.signedOutSql));
}

function drawTop(current) {
	const who = me.login === me.role ? text.role(me.role, me.database) : text.roleOf(me.login, me.role, me.database);

	top.replaceChildren(
		h('strong', {}, text.title),
		h('nav', { 'aria-label': text.navLabel }, Object.entries(text.nav).map(([name, label]) =>
			h('a', { href: `#/${name}`, 'aria-current': name === current ? 'page' : undefined }, label))),
		h('span', { class: 'who', title: text.ends(timeText(me.ends_at)) }, who,
			me.may_act ? null : [' ', h('span', { class: 'badge idle' }, text.lookOnly)]),
		h('button', { onclick: () => end().catch(() => undefined).then(() => signedOut(text.signedOutHow)) }, text.end),
		text.mode[me.mode] ? h('p', { class: 'warn' }, text.mode[me.mode]) : '');
}

// One round; what the page before still asks for is given up.
async function round() {
	const mine = refresh;

	clearTimeout(timer);
	if (!mine)
		return;
	asking?.abort();
	asking = new AbortController();
	try {
		await mine(asking.signal);
		if (mine === refresh)
			main.removeAttribute('aria-busy');
	} catch (error) {
		if (error.name === 'AbortError' || mine !== refresh)
			return;
		if (error.status === 401 || (error.status === 403 && !me))
			return signedOut(text.signedOutHow);
		say(error.status ? error.message : text.noAnswer);
	}
	if (mine === refresh && !document.hidden)
		timer = setTimeout(round, PAUSE_MS);
}

function open() {
	const [path, query] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);
	const name = Object.hasOwn(pages, path) ? path : 'servers';
	const args = Object.fromEntries(new URLSearchParams(query ?? ''));

	drawTop(name);
	document.title = `${text.nav[name] ?? text[name].title(args.id ?? args.name ?? '')} – ${text.title}`;
	main.replaceChildren();
	main.setAttribute('aria-busy', 'true');
	refresh = pages[name](main, args, {
		me,
		go: (address) => { location.hash = address; },
		again: round
	});
	round();
}

// j and k go along the rows, x selects one; / goes to the first filter.
function onKey(event) {
	if (event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== 'checkbox' ||
		document.querySelector('dialog[open]'))
		return;

	const links = [...main.querySelectorAll('tbody tr a')];
	const row = document.activeElement.closest?.('tr');
	const at = links.findIndex((link) => link.closest('tr') === row);

	if (event.key === '/') {
		main.querySelector('input, select')?.focus();
		event.preventDefault();
	} else if (event.key === 'j' || event.key === 'k')
		links[Math.min(Math.max(at + (event.key === 'j' ? 1 : -1), 0), links.length - 1)]?.focus();
	else if (event.key === 'x')
		row?.querySelector('.pick input')?.click();
}

async function start() {
	const token = location.hash.match(/^#([0-9a-f]{64})$/)?.[1];

	document.getElementById('skip').textContent = text.skip;
	try {
		if (token) {
			// Gone from the address before anything else: it is not to be found there later.
			history.replaceState(null, '', '#/servers');
			await begin(token);
		}
		me = await get('me');
	} catch (error) {
		return signedOut(token ? text.linkUsed : error.status ? text.signedOutHow : text.noAnswer);
	}
	open();
}

document.getElementById('skip').addEventListener('click', (event) => {
	event.preventDefault();
	main.focus();
});
addEventListener('hashchange', () => /^#[0-9a-f]{64}$/.test(location.hash) || !me ? start() : open());
document.addEventListener('keydown', onKey);
document.addEventListener('visibilitychange', () => document.hidden ? clearTimeout(timer) : round());
start();
