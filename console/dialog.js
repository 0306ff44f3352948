// Questions before something is done, with the reason that is kept of it.

import { post } from './api.js';
import { cell, h, say, table } from './dom.js';
import { badge, count } from './format.js';
import { text } from './text.js';

// Shows a dialog; act(reason) is called where it was agreed to. Errors stay in it.
function ask(title, content, agree, act) {
	const error = h('p', { class: 'error', role: 'alert' });
	const reason = h('input', { name: 'reason', autocomplete: 'off' });
	const button = agree && h('button', { class: 'main', type: 'submit' }, agree);
	const dialog = h('dialog', { 'aria-labelledby': 'dialog-title' },
		h('form', { onsubmit: submit },
			h('h2', { id: 'dialog-title' }, title),
			content,
			agree && h('label', {}, text.reason, reason),
			error,
			h('p', { class: 'buttons' }, button,
				h('button', { type: 'button', onclick: () => dialog.close() }, agree ? text.cancel : text.close))));

	async function submit(event) {
		event.preventDefault();
		if (!button)
			return;
		button.disabled = true;
		try {
			await act(reason.value.trim() || null);
			dialog.close();
		} catch (refusal) {
			error.textContent = [refusal.message, refusal.detail, refusal.hint].filter(Boolean).join(' ');
			button.disabled = false;
		}
	}

	dialog.addEventListener('close', () => dialog.remove());
	document.body.append(dialog);
	dialog.showModal();
}

export function askPause(server, pauses, after) {
	const names = text.servers;

	ask(pauses ? names.pauseTitle(server) : names.resumeTitle(server),
		h('p', {}, pauses ? names.pauseWhat : names.resumeWhat),
		pauses ? names.pause : names.resume,
		async (reason) => {
			await post(pauses ? 'pause' : 'resume', { server, reason });
			say(pauses ? text.acts.paused(server) : text.acts.resumed(server));
			after();
		});
}

function countsTable(counts) {
	const names = text.acts.counts;
	const list = table(text.acts.counts.messages, Object.values(names));

	list.body.append(...counts.map((one) => h('tr', {},
		cell(names.server, one.server), cell(names.state, badge(one.state)),
		cell(names.code, one.code ?? text.none), cell(names.messages, count(one.messages)))));
	return list.element;
}

// retry, cancel or close: first how many it would be, then the question.
export async function askMany(act, filter, after) {
	let would;

	try {
		would = await post(act, { filter, dry_run: true });
	} catch (refusal) {
		ask(text.acts[`${act}Title`], h('p', { class: 'error' }, refusal.message));
		return;
	}
	ask(text.acts[`${act}Title`],
		would.messages === 0 ? h('p', {}, text.acts.nothing)
			: h('div', {}, h('p', {}, text.acts[`${act}What`]), h('p', {}, text.acts.would(would.messages)),
				countsTable(would.counts)),
		would.messages > 0 && text.acts[act],
		async (reason) => {
			const done = await post(act, { filter, reason });

			say(text.acts.done[act](done.messages));
			after();
		});
}

export function askReplay(id, payload, after) {
	const area = h('textarea', { rows: '16', spellcheck: 'false', value: payload });

	ask(text.acts.replayTitle, h('label', {}, text.acts.replayWhat, area), text.acts.replay,
		async (reason) => {
			const done = await post('replay', { id, message: area.value, reason });

			say(text.acts.replayed(done.id));
			after(done.id);
		});
}

export function show(title, content) {
	ask(title, content);
}
