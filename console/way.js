// One message as a drawing: its way from the queue through attempts and channels, an event a step.

import { svg } from './dom.js';
import { text } from './text.js';

const STEP = 110;
const LANE = 64;
const LEFT = 90;
const TOP = 34;

// Where an event happens: in our queue, in a request, or on a channel of the provider's.
function laneOf(event) {
	if (event.channel)
		return event.channel;
	if (event.kind === 'answer' || event.kind === 'interrupted')
		return text.message.request;
	if (event.kind === 'callback' || event.kind === 'status' || event.kind === 'poll_ended')
		return text.message.provider;
	return text.message.queue;
}

function labelOf(event) {
	const what = event.attempt && laneOf(event) === text.message.request ? `${event.kind} ${event.attempt}` : event.kind;

	return [what, event.status ?? event.code ?? event.state ?? ''];
}

function short(words) {
	return words.length > 16 ? `${words.slice(0, 15)}…` : words;
}

export function way(events) {
	const lanes = [text.message.queue, text.message.request];

	for (const event of events)
		if (!lanes.includes(laneOf(event)))
			lanes.push(laneOf(event));

	const points = events.map((event, i) => ({
		event,
		x: LEFT + 30 + i * STEP,
		y: TOP + lanes.indexOf(laneOf(event)) * LANE
	}));
	const width = LEFT + 30 + Math.max(events.length, 1) * STEP;
	const height = TOP + lanes.length * LANE;

	return svg('svg', {
		class: 'way', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img',
		'aria-label': `${text.message.way}: ${events.map((event) => labelOf(event).filter(Boolean).join(' ')).join(', ')}`
	},
	lanes.map((name, i) => [
		svg('line', { class: 'lane', x1: LEFT, x2: width, y1: TOP + i * LANE, y2: TOP + i * LANE }),
		svg('text', { class: 'name', x: 0, y: TOP + i * LANE + 4 }, short(name))
	]),
	points.slice(1).map((point, i) => {
		const from = points[i];
		const middle = (from.x + point.x) / 2;

		return svg('path', { class: 'step', d: `M${from.x} ${from.y}C${middle} ${from.y} ${middle} ${point.y} ${point.x} ${point.y}` });
	}),
	points.map(({ event, x, y }) => {
		const [what, then] = labelOf(event);

		return svg('g', { class: `stop ${event.state ?? ''}` },
			svg('title', {}, `${event.at} ${what} ${then} ${event.error ?? ''}`),
			svg('circle', { cx: x, cy: y, r: 7 }),
			svg('text', { x, y: y - 13 }, short(what)),
			svg('text', { class: 'then', x, y: y + 22 }, short(then)));
	}));
}
