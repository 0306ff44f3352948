/*
 * callbacks.c
 *		A ring of status changes and the threads that post them.
 *
 * Owns the ring, its settings and the only curl handles of the program, one a
 * thread. One mutex guards all of it, and is never held while a post is under
 * way. The events of a post that a new URL, or none, interrupts go back to the
 * head of the ring.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <jansson.h>

#include "callbacks.h"

#define RING_SIZE 1000000
#define SHUFFLE_WINDOW 64
#define RETRY_MIN_MS 200
#define RETRY_MAX_MS 5000
#define BATCH_MAX 10000
#define REPEAT_MAX 1000
#define CONNECTIONS_MAX 16

typedef enum Spelling
{
	SPELL_EXAMPLE,
	SPELL_TABLE,
	SPELL_MIXED
} Spelling;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_t posters[CONNECTIONS_MAX];
static atomic_bool stopping;

static CallbackEvent *ring;
static size_t ring_head;
static size_t ring_len;
static size_t under_way; /* events taken out of it to be posted */
static CallbackTally counts;

/* both say to a post under way that its result came too late */
static unsigned clear_generation;
static unsigned url_generation;

static json_t *url; /* one for all, or an object of them by provider; or NULL */
static Spelling spelling = SPELL_EXAMPLE;
static bool shuffled;
static size_t repeat = 1;
static size_t batch = 10;
static size_t connections = 1;
static size_t again; /* of a hundred bodies, so many come a second time, later */
static uint64_t written;
static unsigned shuffle_seed = 1;

static CallbackEvent *
ring_at(size_t n)
{
	return &ring[(ring_head + n) % RING_SIZE];
}

void
callbacks_add(const CallbackEvent *event)
{
	pthread_mutex_lock(&lock);
	counts.events++;
	if (ring_len == RING_SIZE)
		counts.dropped++;
	else
	{
		*ring_at(ring_len++) = *event;
		if (url != NULL)
			pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
}

/* How many events at the head, of at most max, one body can hold. */
static size_t
run_length(size_t max)
{
	size_t n = 0;

	while (n < ring_len && n < max && ring_at(n)->form == ring_at(0)->form)
		n++;
	return n;
}

/*
 * Writes the first n events, all of one form, as one body. Shuffling happens in the
 * ring itself: it also changes the order from body to body, as parallel senders would.
 */
static void
write_body(Buf *out, const CallbackForm *form, size_t n, size_t copies)
{
	size_t i;
	size_t copy;

	buf_puts(out, form->open);
	for (i = 0; i < n; i++)
	{
		bool table =
			spelling == SPELL_TABLE || (spelling == SPELL_MIXED && written % 2 == 1);

		if (shuffled && ring_len > i + 1)
		{
			size_t window = ring_len - i < SHUFFLE_WINDOW ? ring_len - i : SHUFFLE_WINDOW;
			size_t other = i + (size_t) rand_r(&shuffle_seed) % window;
			CallbackEvent event = *ring_at(i);

			if (ring_at(other)->form == form)
			{
				*ring_at(i) = *ring_at(other);
				*ring_at(other) = event;
			}
		}
		for (copy = 0; copy < copies; copy++)
		{
			if (i + copy > 0)
				buf_puts(out, form->between);
			form->write(out, ring_at(i), table);
		}
		written++;
	}
	buf_puts(out, form->close);
}

static void
ring_remove(size_t n)
{
	ring_head = (ring_head + n) % RING_SIZE;
	ring_len -= n;
}

static CallbackEvent *
ring_take(size_t n)
{
	CallbackEvent *events = malloc(n * sizeof(CallbackEvent));
	size_t i;

	if (events == NULL)
		die("out of memory");
	for (i = 0; i < n; i++)
		events[i] = *ring_at(i);
	ring_remove(n);
	under_way += n;
	return events;
}

static void
ring_put_back(const CallbackEvent *events, size_t n)
{
	while (n-- > 0)
	{
		if (ring_len == RING_SIZE)
		{
			counts.dropped++;
			continue;
		}
		ring_head = (ring_head + RING_SIZE - 1) % RING_SIZE;
		ring_len++;
		*ring_at(0) = events[n];
	}
}

static void
ring_append(const CallbackEvent *events, size_t n)
{
	size_t i;

	for (i = 0; i < n && ring_len < RING_SIZE; i++)
		*ring_at(ring_len++) = events[i];
	pthread_cond_broadcast(&changed);
}

/* One body of at most max events, [] if there are none; false while a URL is set. */
bool
callbacks_fetch(size_t max, Buf *out, const char **content_type)
{
	bool mine;

	pthread_mutex_lock(&lock);
	mine = url == NULL;
	if (mine)
	{
		size_t n = run_length(max);
		const CallbackForm *form = n > 0 ? ring_at(0)->form : NULL;

		*content_type = n > 0 ? form->content_type : "application/json; charset=utf-8";
		if (n > 0)
			write_body(out, form, n, repeat);
		else
			buf_puts(out, "[]");
		ring_remove(n);
	}
	pthread_mutex_unlock(&lock);
	return mine;
}

static size_t
discard_answer(char *data, size_t size, size_t count, void *arg)
{
	(void) data;
	(void) arg;
	return size * count;
}

static int
stop_transfer(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void) arg, (void) a, (void) b, (void) c, (void) d;
	return stopping ? 1 : 0;
}

static bool
post_once(CURL *curl, const char *to, const CallbackForm *form, const Buf *body)
{
	struct curl_slist *headers;
	Buf type = {0};
	long status = 0;
	CURLcode result;

	buf_printf(&type, "Content-Type: %s", form->content_type);
	headers = curl_slist_append(NULL, type.data);
	headers = curl_slist_append(headers, "Expect:");
	buf_free(&type);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_URL, to);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) body->len);
	result = curl_easy_perform(curl);
	if (result == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return result == CURLE_OK && status == 200;
}

/* Waits with the lock held; returns early when the settings change. */
static void
pause_ms(int ms, unsigned generation)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long) (ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000)
	{
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!stopping && generation == url_generation)
	{
		if (pthread_cond_timedwait(&changed, &lock, &until) == ETIMEDOUT)
			break;
	}
}

/* Where the events of this form go; NULL = nowhere. */
static char *
url_for(const CallbackForm *form)
{
	const json_t *one = json_is_object(url) ? json_object_get(url, form->provider) : url;
	char *copy;

	if (one == NULL)
		return NULL;
	if ((copy = strdup(json_string_value(one))) == NULL)
		die("out of memory");
	return copy;
}

/*
 * Posts the head of the ring until it is answered with 200 as often as asked.
 * Devino VK API, «Получение статуса сообщения с помощью Callback-запросов»:
 * anything but HTTP 200 is repeated. Entered and left with the lock held.
 */
static void
post_head(CURL *curl)
{
	size_t n = run_length(batch);
	const CallbackForm *form = ring_at(0)->form;
	size_t left = repeat;
	CallbackEvent *events;
	unsigned cleared = clear_generation;
	int pause = RETRY_MIN_MS;
	bool failed = false;
	Buf body = {0};

	write_body(&body, form, n, 1);
	events = ring_take(n);
	while (left > 0 && !stopping)
	{
		unsigned generation = url_generation;
		char *to;
		bool good;

		if (url == NULL || cleared != clear_generation)
			break;
		to = url_for(form);
		if (to == NULL)
		{
			counts.dropped += n;
			left = 0;
			break;
		}
		pthread_mutex_unlock(&lock);
		good = post_once(curl, to, form, &body);
		pthread_mutex_lock(&lock);
		free(to);

		if (good)
		{
			counts.posted++;
			counts.recovered += failed ? 1 : 0;
			failed = false;
			pause = RETRY_MIN_MS;
			left--;
			continue;
		}
		if (stopping)
			break;
		counts.failed++;
		failed = true;
		pause_ms(pause, generation);
		pause = pause * 2 < RETRY_MAX_MS ? pause * 2 : RETRY_MAX_MS;
	}
	under_way -= n;
	if (cleared == clear_generation)
	{
		if (left == repeat)
			ring_put_back(events, n);
		else if ((size_t) (rand_r(&shuffle_seed) % 100) < again)
			ring_append(events, n);
	}
	free(events);
	buf_free(&body);
}

static void *
poster_main(void *arg)
{
	CURL *curl = curl_easy_init();
	size_t number = (size_t) arg;

	if (curl == NULL)
		die("could not start curl");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard_answer);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_transfer);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);

	pthread_mutex_lock(&lock);
	while (!stopping)
	{
		if (url == NULL || ring_len == 0 || number >= connections)
			pthread_cond_wait(&changed, &lock);
		else
			post_head(curl);
	}
	pthread_mutex_unlock(&lock);

	curl_easy_cleanup(curl);
	return NULL;
}

void
callbacks_start(void)
{
	pthread_condattr_t attr;
	sigset_t all;
	sigset_t before;
	size_t i;

	ring = malloc(RING_SIZE * sizeof(CallbackEvent));
	if (ring == NULL)
		die("out of memory");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	pthread_condattr_destroy(&attr);

	/* signals belong to the HTTP thread, which waits for them in ppoll */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (pthread_create(&posters[i], NULL, poster_main, (void *) i) != 0)
			die("could not start a thread");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
callbacks_stop(void)
{
	size_t i;

	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < CONNECTIONS_MAX; i++)
		pthread_join(posters[i], NULL);
	curl_global_cleanup();
	free(ring);
	json_decref(url);
}

static bool
read_count(const json_t *root, const char *name, size_t min, size_t max, size_t *count,
		   Buf *message)
{
	const json_t *value = json_object_get(root, name);

	if (value == NULL)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < (json_int_t) min ||
		json_integer_value(value) > (json_int_t) max)
	{
		buf_printf(message, "\"%s\" must be an integer from %zu to %zu\n", name, min,
				   max);
		return false;
	}
	*count = (size_t) json_integer_value(value);
	return true;
}

/* Position of the member's value in choices, *choice if it is not there. */
static bool
read_choice(const json_t *root, const char *name, const char *const *choices, int *choice,
			Buf *message)
{
	const json_t *value = json_object_get(root, name);
	int i;

	if (value == NULL)
		return true;
	for (i = 0; choices[i] != NULL && json_is_string(value); i++)
	{
		if (strcmp(json_string_value(value), choices[i]) == 0)
		{
			*choice = i;
			return true;
		}
	}
	buf_printf(message, "\"%s\" has an unknown value\n", name);
	return false;
}

static bool
is_url(const json_t *value)
{
	return json_is_string(value) && strncmp(json_string_value(value), "http", 4) == 0;
}

static bool
are_urls(json_t *value)
{
	const char *provider;
	json_t *one;

	if (!json_is_object(value))
		return is_url(value);
	json_object_foreach(value, provider, one)
	{
		if (!is_url(one))
			return false;
	}
	return true;
}

static bool
apply_settings(const json_t *root, Buf *message)
{
	static const char *const spellings[] = {"example", "table", "mixed", NULL};
	static const char *const orders[] = {"asis", "shuffled", NULL};
	json_t *new_url = json_object_get(root, "url");
	size_t new_repeat = repeat;
	size_t new_batch = batch;
	size_t new_connections = connections;
	size_t new_again = again;
	int new_spelling = (int) spelling;
	int new_order = shuffled ? 1 : 0;

	if (!json_is_object(root))
	{
		buf_puts(message, "the body must be a JSON object\n");
		return false;
	}
	if (new_url != NULL && !json_is_null(new_url) && !are_urls(new_url))
	{
		buf_puts(message, "\"url\" must be null, an http URL, or an object of them by "
						  "provider\n");
		return false;
	}
	if (!read_choice(root, "spelling", spellings, &new_spelling, message) ||
		!read_choice(root, "order", orders, &new_order, message) ||
		!read_count(root, "repeat", 1, REPEAT_MAX, &new_repeat, message) ||
		!read_count(root, "batch", 1, BATCH_MAX, &new_batch, message) ||
		!read_count(root, "again", 0, 99, &new_again, message) ||
		!read_count(root, "connections", 1, CONNECTIONS_MAX, &new_connections, message))
		return false;

	spelling = (Spelling) new_spelling;
	shuffled = new_order == 1;
	repeat = new_repeat;
	batch = new_batch;
	connections = new_connections;
	again = new_again;
	if (new_url != NULL)
	{
		json_decref(url);
		url = json_is_null(new_url) ? NULL : json_incref(new_url);
		url_generation++;
	}
	return true;
}

/* Members that are not given keep their value; a bad body changes nothing. */
bool
callbacks_configure(const char *json, size_t len, Buf *message)
{
	json_error_t error;
	json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &error);
	bool good;

	if (root == NULL)
	{
		buf_printf(message, "bad JSON: %s\n", error.text);
		return false;
	}
	pthread_mutex_lock(&lock);
	good = apply_settings(root, message);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	json_decref(root);
	return good;
}

/* Forgets events and counters, keeps the settings. */
void
callbacks_clear(void)
{
	pthread_mutex_lock(&lock);
	ring_len = 0;
	clear_generation++;
	memset(&counts, 0, sizeof(counts));
	pthread_mutex_unlock(&lock);
}

CallbackTally
callbacks_tally(void)
{
	CallbackTally copy;

	pthread_mutex_lock(&lock);
	copy = counts;
	copy.pending = ring_len + under_way;
	pthread_mutex_unlock(&lock);
	return copy;
}
