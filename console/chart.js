// Charts of the last hour: what was counted a minute, drawn as bars.

import { h, svg } from './dom.js';
import { text } from './text.js';

const WIDTH = 240;
const HEIGHT = 40;
const MINUTES = 60;

// What was counted of a server from one sample to the next, the last one up to now.
export function perMinute(stats, server) {
	const accepted = stats.fields.indexOf('accepted');
	const bad = stats.fields.indexOf('bad');
	const samples = [...stats.samples, stats.now];
	const bars = [];

	for (let i = 1; i < samples.length; i++) {
		const before = samples[i - 1].servers[server];
		const after = samples[i].servers[server];

		// Counters that were set back, or of a server that is new: counted from nothing.
		bars.push(before && after ? {
			done: Math.max(after[accepted] - before[accepted], 0),
			bad: Math.max(after[bad] - before[bad], 0)
		} : { done: 0, bad: 0 });
	}
	return bars.slice(-MINUTES);
}

export function chart(name, bars) {
	const most = Math.max(1, ...bars.map((bar) => bar.done + bar.bad));
	const step = WIDTH / MINUTES;
	const sum = (what) => bars.reduce((n, bar) => n + bar[what], 0);
	const legend = bars.length === 0 ? text.servers.chartNone
		: text.servers.chartSum(sum('done'), sum('bad'));

	return h('figure', { class: 'chart' },
		svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${text.servers.chart(name)}: ${legend}` },
			bars.map((bar, i) => {
				const x = WIDTH - (bars.length - i) * step;
				const done = bar.done / most * (HEIGHT - 2);
				const bad = bar.bad / most * (HEIGHT - 2);

				return [
					svg('rect', { class: 'done', x, y: HEIGHT - done, width: step - 1, height: done }),
					svg('rect', { class: 'bad', x, y: HEIGHT - done - bad, width: step - 1, height: bad })
				];
			}),
			svg('line', { class: 'ground', x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 })),
		h('figcaption', { class: 'quiet' }, legend));
}
