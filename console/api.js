// The session, and what is asked over it. The cookie is the browser's own affair; the key that
// goes with it is kept here, where no other page and no other port of the host can read it.

const place = `msgext key ${location.origin}`;

export class Refusal extends Error {
	constructor(status, body) {
		super(body.error ?? `HTTP ${status}`);
		this.status = status;
		this.detail = body.detail;
		this.hint = body.hint;
	}
}

async function ask(path, options) {
	const answer = await fetch(path, { ...options, cache: 'no-store', credentials: 'same-origin' });
	let body = {};

	try {
		body = await answer.json();
	} catch {
		// No answer of ours; its status tells.
	}
	if (!answer.ok)
		throw new Refusal(answer.status, body ?? {});
	return body;
}

function head(more) {
	return { 'X-Msgext-Key': localStorage.getItem(place) ?? '', ...more };
}

export function get(name, args, signal) {
	const query = new URLSearchParams(args ?? {}).toString();

	return ask(`api/${name}${query ? `?${query}` : ''}`, { headers: head(), signal });
}

export function post(name, args) {
	return ask(`api/${name}`, {
		method: 'POST',
		headers: head({ 'Content-Type': 'application/json' }),
		body: JSON.stringify(args)
	});
}

export async function begin(token) {
	const { key } = await post('session', { token });

	localStorage.setItem(place, key);
}

export async function end() {
	await post('end', {});
	localStorage.removeItem(place);
}
