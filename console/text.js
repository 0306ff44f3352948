// Every text that people read, in one place: translate this file, and the page is translated.

export const text = {
	title: 'msgext',
	skip: 'Skip to the content',
	signedOut: 'No session',
	signedOutHow: 'Ask the database for a link, and open it in this browser:',
	signedOutSql: 'SELECT msgext.open_console();',
	linkUsed: 'This link has been used, or is older than ten minutes. Ask for another one:',
	noAnswer: 'The console does not answer. It is asked again…',
	role: (role, database) => `${role} in ${database}`,
	roleOf: (login, role, database) => `${login} as ${role} in ${database}`,
	end: 'Sign out',
	ends: (when) => `The session ends ${when}`,
	mode: { hold: 'Nothing is sent: msgext.mode is hold', test: 'Nothing is sent: test database' },
	lookOnly: 'look only',
	nav: {
		servers: 'Servers', messages: 'Messages', dead_letters: 'Dead letters', templates: 'Templates',
		inbox: 'Inbox', handlers: 'Feed', worker: 'Worker'
	},
	navLabel: 'Pages',
	none: '–',
	cancel: 'Leave it',
	close: 'Close',
	reason: 'Why (stands in the timeline)',
	states: {
		queued: 'queued', sending: 'sending', accepted: 'accepted', sent: 'sent', delivered: 'delivered',
		read: 'read', undelivered: 'undelivered', failed: 'failed', rejected: 'rejected',
		expired: 'expired', cancelled: 'cancelled', unknown: 'unknown'
	},
	servers: {
		empty: 'There is no server that you may use.',
		paused: 'paused', running: 'running', troubled: 'errors',
		broken: 'nothing but failures', broken_at: 'Breaker open since', probe_at: 'Next try',
		queued: 'Queued', in_flight: 'On the way', unknown: 'Unknown', oldest: 'Oldest queued',
		success: 'Last success', error: 'Last error', accounts: 'Paused accounts',
		atLeast: (n) => `${n} or more`,
		pause: 'Pause', resume: 'Resume', messages: 'Messages', dead: 'Dead letters',
		pauseTitle: (name) => `Pause ${name}?`,
		pauseWhat: 'Nothing more is sent through it until it is resumed. Messages stay queued.',
		resumeTitle: (name) => `Resume ${name}?`,
		resumeWhat: 'What is queued is sent. Paused accounts are tried again.',
		chart: (name) => `${name}: messages a minute in the last hour`,
		chartSum: (done, bad) => `${done} accepted, ${bad} ended badly in the last hour`,
		chartNone: 'Charts begin a minute after the console has started.',
		history: 'What happened to servers',
		columns: { at: 'When', server: 'Server', kind: 'What', actor: 'By', reason: 'Why', detail: 'Change' }
	},
	messages: {
		find: 'Find', clear: 'Clear',
		filters: {
			server: 'Server', state: 'State', recipient: 'Recipient', code: 'Code', id: 'Id',
			operation_id: 'Operation id', ref: 'Ref (JSON)', created_after: 'From', created_before: 'Until',
			problem: 'To be dealt with'
		},
		any: 'any',
		more: 'More filters',
		columns: {
			id: 'Id', server: 'Server', recipient: 'Recipient', state: 'State', provider_status: 'Status',
			code: 'Code', error: 'Error', created_at: 'Created', attempts: 'Tries'
		},
		caption: 'Messages, newest first',
		empty: 'No message fits.',
		emptySoFar: 'None of the messages looked through so far.',
		older: 'Older', newest: 'Newest',
		select: (id) => `Select message ${id}`,
		selectAll: 'Select all on this page',
		selected: (n) => `${n} selected`,
		allThatFit: 'All that fit the filter',
		waits: (why) => `waits: ${why}`
	},
	acts: {
		retry: 'Send again', cancel: 'Cancel', close: 'Close',
		retryTitle: 'Send again?', cancelTitle: 'Cancel?', closeTitle: 'Close?',
		retryWhat: 'These are queued again. What was unknown may arrive twice.',
		cancelWhat: 'These have not left, and never will.',
		closeWhat: 'Nothing more is to be done about these; their state stays.',
		would: (n) => n === 1 ? 'It would be one message:' : `It would be ${n} messages:`,
		nothing: 'It would be no message: none of these is in a state for it, or yours to change.',
		done: { retry: (n) => `${n} queued again`, cancel: (n) => `${n} cancelled`, close: (n) => `${n} closed` },
		counts: { server: 'Server', state: 'State', code: 'Code', messages: 'Messages' },
		paused: (name) => `${name} is paused`, resumed: (name) => `${name} is resumed`,
		replay: 'Send a corrected copy', replayTitle: 'Send a corrected copy',
		replayWhat: 'A new message takes the place of this one. Its payload:',
		replayed: (id) => `Message ${id} was queued`
	},
	message: {
		title: (id) => `Message ${id}`,
		missing: 'There is no such message, or it is not yours to see.',
		back: 'All messages',
		facts: {
			server: 'Server', provider: 'Provider', sender: 'Sender', recipient: 'Recipient', ref: 'Ref',
			operation_id: 'Operation id', provider_id: 'Provider’s id', provider_status: 'Provider’s status',
			code: 'Code', error: 'Error', attempts: 'Tries', priority: 'Priority', created_at: 'Created',
			send_after: 'Not before', expires_at: 'Not after', next_attempt_at: 'Next try',
			accepted_at: 'Accepted', finished_at: 'Ended', problem: 'To be dealt with'
		},
		waits: (why, until) => until ? `It waits: ${why}, until ${until}` : `It waits: ${why}`,
		way: 'Its way', timeline: 'Timeline', payload: 'Payload', detail: 'Detail',
		payloadHidden: 'The payload is not yours to read.',
		payloadCut: 'Only its beginning is shown; msgext.message_payload() tells all of it.',
		queue: 'Queue', request: 'Request', provider: 'Provider',
		columns: { at: 'When', kind: 'What', attempt: 'Try', channel: 'Channel', state: 'State', status: 'Status', code: 'Code', error: 'Error', by: 'By' },
		answer: 'Answer',
		http: (status) => `HTTP ${status}`,
		by: (actor, reason) => reason ? `${actor}: ${reason}` : actor
	},
	dead: {
		empty: 'Nothing is left that somebody has to deal with.',
		caption: 'What did not arrive, or may not have',
		columns: { server: 'Server', state: 'State', code: 'Code', messages: 'Messages', last_created_at: 'Latest', error: 'Error' },
		show: 'Show', example: 'Example'
	},
	worker: {
		processes: 'Processes', activity: 'Work since the start of counting',
		columns: { type: 'Process', pid: 'Pid', started_at: 'Started', state: 'State', doing: 'Doing' },
		counts: {
			process: 'Process', turns: 'Turns', commits: 'Commits', results: 'Results', errors: 'Errors',
			in_flight: 'On the way', longest_turn: 'Longest turn', last_activity: 'Last activity'
		},
		empty: 'No process of msgext is to be seen.',
		notYours: 'This takes membership in pg_monitor.',
		ms: (ms) => `${ms} ms`
	},
	feed: {
		handlers: 'Handlers', consumers: 'Consumers',
		columns: {
			handler: 'Handler', consumer: 'Consumer', owner: 'Owner', function: 'Function', unread: 'Unread',
			oldest_unread_at: 'Oldest', read_at: 'Read', failures: 'Failures', last_error: 'Error', notify: 'Channel'
		},
		emptyHandlers: 'No handler is yours to see.', emptyConsumers: 'No consumer is yours to see.'
	},
	inbox: {
		caption: 'Pushes, newest first',
		columns: { id: 'Id', server: 'Server', type: 'Type', received_at: 'Received', done_at: 'Done' },
		empty: 'No push is yours to see.',
		title: (id) => `Push ${id}`, headers: 'Header', payload: 'Payload', body: 'Body', open: 'open'
	},
	templates: {
		caption: 'Templates, as their latest versions',
		columns: {
			name: 'Name', server: 'Server', owner: 'Sends as', version: 'Version', created_at: 'Changed', created_by: 'By'
		},
		empty: 'No template is yours to see.'
	},
	template: {
		title: (name) => `Template ${name}`,
		missing: 'There is no such template or version, or it is not yours to see.',
		back: 'All templates',
		facts: {
			version: 'Version', created_at: 'Made', created_by: 'By', server: 'Server', owner: 'Sends as',
			priority: 'Priority', operation_id: 'Operation id', on_conflict: 'If it is used',
			skip_when_null: 'None without', on_invalid: 'If invalid', expires_in: 'Expires in',
			debounce: 'Waits for the next', max_wait: 'Waits at most', quiet_hours: 'Quiet hours', time_zone: 'Time zone'
		},
		message: 'Message', lookup: 'Lookup', versions: 'Versions',
		columns: { version: 'Version', created_at: 'Made', created_by: 'By' }
	}
};
