// Elements and their texts. Whatever comes from the database becomes text and nothing else:
// there is no other way here to put it on the page.

export function h(tag, attributes, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
	return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (value === undefined || value === null || value === false)
			continue;
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value);
		else if (name === 'value' || name === 'checked' || name === 'indeterminate')
			element[name] = value;
		else
			element.setAttribute(name, value === true ? '' : value);
	}
	element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

// The children of parent, by key; those whose data have not changed stay, and with them focus
// and what is open.
export function keep(parent, items, keyOf, make) {
	const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
	let place = parent.firstElementChild;

	for (const item of items) {
		const key = String(keyOf(item));
		const data = JSON.stringify(item);
		let child = before.get(key);

		if (!child || child.kept !== data) {
			const fresh = make(item, child);

			fresh.dataset.key = key;
			fresh.kept = data;
			if (child) {
				if (place === child)
					place = fresh;
				child.replaceWith(fresh);
			}
			child = fresh;
		}
		before.delete(key);
		if (place === child)
			place = child.nextElementSibling;
		else
			parent.insertBefore(child, place);
	}
	for (const child of before.values())
		child.remove();
}

export function table(caption, columns, classes) {
	const body = h('tbody');

	return {
		body,
		element: h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
			h('table', { class: classes },
				h('caption', { class: 'quiet' }, caption),
				h('thead', {}, h('tr', {}, columns.map((name) => h('th', { scope: 'col' }, name)))),
				body))
	};
}

// A cell; on a phone its column's name stands before it.
export function cell(label, ...children) {
	return h('td', { 'data-label': label }, ...children);
}

let saying;

export function say(what) {
	const place = document.getElementById('say');

	clearTimeout(saying);
	place.textContent = what;
	saying = setTimeout(() => { place.textContent = ''; }, 8000);
}
