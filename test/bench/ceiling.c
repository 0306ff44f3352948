/*
 * ceiling.c
 *		What libcurl does with nothing around it: the yardstick of the dispatcher.
 *
 *		ceiling PORT COUNT IN_FLIGHT BODIES [PATH]
 *			posts COUNT requests, that many at once, with the lines of the file BODIES as
 *			bodies; prints seconds, CPU seconds and how many were not answered with 2xx
 *		ceiling --to PATH TOKEN PORT COUNT IN_FLIGHT BODIES
 *			the same to another of the peer's interfaces, with a bearer token
 *		ceiling --tls FILE [--http2] ...
 *			any of them over TLS, by the authority in FILE; by HTTP/2, sharing connections
 *		ceiling --pace MS PORT COUNT BODIES
 *			posts one request each MS milliseconds; prints for each its phone and when it
 *			was handed to libcurl, in microseconds
 *
 * One multi handle fed by epoll, easy handles and connections kept, as the dispatcher
 * has it. Does for a request what cannot be left out, and nothing else.
 */
#define _GNU_SOURCE

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#define AUTHORIZATION "Authorization: Basic dGVzdGVyOjExMTExMQ==" /* tester:111111 */
#define MAX_EVENTS 256

static CURLM *multi;
static int poller;
static int64_t deadline_us = -1;
static char **bodies;
static long nbodies;
static long submitted;
static long failed;
static const char *ca_file; /* NULL = without TLS */
static bool http2;

static void
die(const char *what)
{
	fprintf(stderr, "ceiling: %s\n", what);
	exit(1);
}

static int64_t
clock_us(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static double
cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
		   (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
read_bodies(const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (file == NULL)
		die("cannot read the bodies");
	while ((len = getline(&line, &room, file)) > 0)
	{
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		bodies = realloc(bodies, sizeof(char *) * (nbodies + 1));
		bodies[nbodies++] = strdup(line);
	}
	free(line);
	fclose(file);
	if (nbodies == 0)
		die("there are no bodies");
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct epoll_event event = {0};

	(void) easy;
	(void) arg;
	if (what == CURL_POLL_REMOVE)
	{
		epoll_ctl(poller, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	if (what != CURL_POLL_OUT)
		event.events |= EPOLLIN;
	if (what != CURL_POLL_IN)
		event.events |= EPOLLOUT;
	event.data.fd = fd;
	if (epoll_ctl(poller, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) !=
			0 &&
		epoll_ctl(poller, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) !=
			0)
		return -1;
	if (known == NULL)
		curl_multi_assign(multi, fd, &poller);
	return 0;
}

static int
on_timer(CURLM *of, long timeout_ms, void *arg)
{
	(void) of;
	(void) arg;
	deadline_us = timeout_ms < 0 ? -1 : clock_us(CLOCK_MONOTONIC) + timeout_ms * 1000;
	return 0;
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	(void) data;
	(void) arg;
	return size * count;
}

static CURL *
new_handle(const char *url, struct curl_slist *headers)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		die("out of memory");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
					 http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long) http2);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	return easy;
}

static void
submit(CURL *easy)
{
	const char *body = bodies[submitted++ % nbodies];

	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long) strlen(body));
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	if (curl_multi_add_handle(multi, easy) != CURLM_OK)
		die("libcurl did not take a request");
}

static void
step(void)
{
	struct epoll_event events[MAX_EVENTS];
	int timeout = -1;
	int running;
	int n;
	int i;

	if (deadline_us >= 0)
	{
		int64_t left = deadline_us - clock_us(CLOCK_MONOTONIC);

		timeout = left <= 0 ? 0 : (int) ((left + 999) / 1000);
	}
	n = epoll_wait(poller, events, MAX_EVENTS, timeout);
	for (i = 0; i < n; i++)
	{
		int what = 0;

		if (events[i].events & EPOLLIN)
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(multi, events[i].data.fd, what, &running);
	}
	if (deadline_us >= 0 && deadline_us <= clock_us(CLOCK_MONOTONIC))
	{
		deadline_us = -1;
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

/* A handle whose request has ended, free for the next one; NULL when there is none. */
static CURL *
take_done(void)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;
		long status = 0;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		failed += result != CURLE_OK || status / 100 != 2;
		curl_multi_remove_handle(multi, easy);
		return easy;
	}
	return NULL;
}

static void
run_flood(const char *url, struct curl_slist *headers, long count, long in_flight)
{
	int64_t begun = clock_us(CLOCK_MONOTONIC);
	long done = 0;
	CURL *easy;

	while (submitted < count && submitted < in_flight)
		submit(new_handle(url, headers));
	while (done < count)
	{
		step();
		while ((easy = take_done()) != NULL)
		{
			done++;
			if (submitted < count)
				submit(easy);
		}
	}
	printf("%.6f %.6f %ld\n", (clock_us(CLOCK_MONOTONIC) - begun) / 1e6, cpu_seconds(),
		   failed);
}

static void
run_pace(const char *url, struct curl_slist *headers, long count, long pace_ms)
{
	CURL *easy = new_handle(url, headers);
	int64_t at = clock_us(CLOCK_MONOTONIC);
	long i;

	for (i = 0; i < count; i++)
	{
		struct timespec until;
		const char *phone = strstr(bodies[i % nbodies], "\"phone\"");

		at += pace_ms * 1000;
		until.tv_sec = at / 1000000;
		until.tv_nsec = at % 1000000 * 1000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		if (phone != NULL)
			phone += strcspn(phone, "0123456789");
		printf("%.11s %lld\n", phone != NULL ? phone : "-",
			   (long long) clock_us(CLOCK_REALTIME));
		submit(easy);
		while (take_done() == NULL)
			step();
	}
	if (failed > 0)
		die("not every request was answered");
}

int
main(int argc, char **argv)
{
	struct curl_slist *headers = NULL;
	const char *path = "/devino/send/vk";
	char authorization[256] = AUTHORIZATION;
	char url[128];
	bool pace;

	if (argc > 2 && strcmp(argv[1], "--tls") == 0)
	{
		ca_file = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc > 1 && strcmp(argv[1], "--http2") == 0)
	{
		http2 = true;
		argv++;
		argc--;
	}
	pace = argc == 6 && strcmp(argv[1], "--pace") == 0;
	if (argc == 8 && strcmp(argv[1], "--to") == 0)
	{
		path = argv[2];
		snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s",
				 argv[3]);
		argv += 3;
		argc -= 3;
	}
	if (argc == 6 && !pace)
		path = argv[5];
	else if (argc != 5 && !pace)
		die("usage: ceiling [--to PATH TOKEN] PORT COUNT IN_FLIGHT BODIES [PATH]"
			" | --pace MS PORT COUNT BODIES");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (multi == NULL || poller < 0)
		die("could not start libcurl");
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	headers = curl_slist_append(headers, authorization);
	headers = curl_slist_append(headers, "Content-Type: application/json; charset=utf-8");
	headers = curl_slist_append(headers, "Expect:");
	snprintf(url, sizeof(url), "%s://127.0.0.1:%s%s", ca_file != NULL ? "https" : "http",
			 argv[pace ? 3 : 1], path);
	read_bodies(argv[pace ? 5 : 4]);
	if (pace)
		run_pace(url, headers, atol(argv[4]), atol(argv[2]));
	else
		run_flood(url, headers, atol(argv[2]), atol(argv[3]));
	return 0;
}
