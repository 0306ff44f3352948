/*
 * test_net.c
 *		Runs the suites of src/net, with peers on loopback: unit_net [thread].
 *
 * With "thread" only what runs in several threads, for the thread sanitizer. Exit status
 * 0 when all passed.
 */
#define _GNU_SOURCE

#include "test.h"

#include <curl/curl.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test_net_run.h"

#define PATIENCE_S 10

const MsgHttpTarget run_target = {
	.serial = 1, .timeout_ms = 30000, .connect_timeout_ms = 30000, .version = "1.1"};

static char folder[] = "/tmp/msgext_unit_XXXXXX";
static bool folder_made;

const char *
run_folder(void)
{
	if (!folder_made && mkdtemp(folder) == NULL)
		abort();
	folder_made = true;
	return folder;
}

static void
remove_folder(void)
{
	struct dirent *entry;
	char path[512];
	DIR *files;

	if (!folder_made || (files = opendir(folder)) == NULL)
		return;
	while ((entry = readdir(files)) != NULL)
	{
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	closedir(files);
	rmdir(folder);
}

MsgRequest run_request;
char run_host[100] = "127.0.0.1";

void
run_submit(MsgHttp *http, Sent *sent, const char *scheme, int port,
		   const MsgHttpTarget *target)
{
	memset(sent, 0, sizeof(*sent));
	sent->target = target != NULL ? *target : run_target;
	snprintf(sent->url, sizeof(sent->url), "%s://%s:%d/", scheme, run_host, port);
	sent->request = run_request.method != NULL
						? run_request
						: (MsgRequest){.method = "POST", .body = "hello", .body_len = 5};
	sent->request.url = sent->url;
	CHECK(msgext_http_submit(http, &sent->target, &sent->request, sent));
}

static const char *
copy(const char *text, size_t len)
{
	char *kept = msgext_alloc(test_arena, len + 1);

	memcpy(kept, text, len);
	kept[len] = '\0';
	return kept;
}

static void
take_all(MsgHttp *http)
{
	MsgHttpResult result;

	while (msgext_http_take(http, &result))
	{
		Sent *sent = result.cookie;

		sent->done = true;
		sent->transport = result.transport;
		sent->clipped = result.clipped;
		sent->status = result.reply.status;
		sent->retry_after_ms = result.reply.retry_after_ms;
		sent->body = copy(result.reply.body, result.reply.body_len);
		sent->error =
			result.error != NULL ? copy(result.error, strlen(result.error)) : NULL;
		msgext_http_release(http, &result);
	}
}

void
run_await(MsgHttp *http, Sent *sent)
{
	time_t until = time(NULL) + PATIENCE_S;

	while (!sent->done && time(NULL) < until)
	{
		if (!msgext_http_pump(http))
			msgext_http_wait(http, msgext_http_timeout_ms(http) < 0
									   ? 50
									   : msgext_http_timeout_ms(http));
		take_all(http);
	}
	CHECK(sent->done);
}

void
run_send(MsgHttp *http, Sent *sent, const char *scheme, int port,
		 const MsgHttpTarget *target)
{
	run_submit(http, sent, scheme, port, target);
	run_await(http, sent);
}

int
main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	test_start();
	if (argc > 1 && strcmp(argv[1], "thread") == 0)
		test_net_thread();
	else
	{
		test_net_endpoint();
		test_net_client();
		test_net_address();
		test_net_tls();
		test_net_http2();
		test_net_thread();
		test_net_listener();
		test_net_connections();
	}
	remove_folder();
	return test_finish();
}
