// The pages of templates: all that the role may see, and what a version of one says.

import { get } from './api.js';
import { cell, h } from './dom.js';
import { time } from './format.js';
import { listing } from './lists.js';
import { text } from './text.js';

function linkTo(name, version, label) {
	const query = new URLSearchParams({ name, ...(version ? { version } : {}) });

	return h('a', { href: `#/template?${query}` }, label);
}

export function templates(root) {
	const { caption, columns, empty } = text.templates;

	root.append(h('h1', {}, text.nav.templates));

	const fill = listing(root, caption, Object.values(columns), (one) => one.name, (one) => [
		cell(columns.name, linkTo(one.name, null, one.name)), cell(columns.server, one.server),
		cell(columns.owner, one.owner), cell(columns.version, String(one.version)),
		cell(columns.created_at, time(one.created_at)), cell(columns.created_by, one.created_by)
	], empty);

	return async (signal) => fill((await get('templates', {}, signal)).templates);
}

function facts(template) {
	return h('dl', { class: 'facts' }, Object.entries(text.template.facts)
		.filter(([name]) => template[name] !== null)
		.map(([name, label]) => h('div', {}, h('dt', {}, label),
			h('dd', {}, name === 'created_at' ? time(template[name])
				: Array.isArray(template[name]) ? template[name].join(', ') : String(template[name])))));
}

export function template(root, args) {
	const names = text.template;
	const columns = names.columns;
	const missing = h('p', {});
	const top = h('div', {});
	const lookup = h('pre', { tabindex: '0' });
	const message = h('pre', { tabindex: '0' });
	const rest = h('div', { hidden: true }, top,
		h('h2', {}, names.message), message, h('h2', {}, names.lookup), lookup);
	let drawn = '';

	root.append(h('p', {}, h('a', { href: '#/templates' }, names.back)), h('h1', {}, names.title(args.name)), missing, rest);

	const versions = listing(rest, names.versions, Object.values(columns), (one) => one.version, (one) => [
		cell(columns.version, linkTo(args.name, one.version, String(one.version))),
		cell(columns.created_at, time(one.created_at)), cell(columns.created_by, one.created_by)
	], text.none);

	return async (signal) => {
		const found = await get('template', args, signal);
		const now = JSON.stringify(found.template);

		missing.textContent = found.template ? '' : names.missing;
		rest.hidden = !found.template;
		versions(found.versions);
		if (!found.template || now === drawn)
			return;
		drawn = now;
		top.replaceChildren(facts(found.template));
		message.textContent = found.template.message;
		lookup.textContent = found.template.lookup ?? text.none;
	};
}
