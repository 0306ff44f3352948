/*
 * main.c
 *		Options, start and stop of the simulator: a test peer that plays the
 *		providers' APIs on the loopback interface. See README.md.
 *
 * Owns the settings and the list of providers. Shares no code with the
 * extension: a mistake common to both sides would go unseen.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "callbacks.h"
#include "provider.h"
#include "script.h"
#include "server.h"
#include "timer.h"

const Provider *const providers[] = {&devino_provider,	&diadoc_provider,
									 &edna_provider,	&personium_provider,
									 &webhook_provider, NULL};

Settings settings = {
	.latency_ms = 0, .status_step_ms = 50, .ledger_bodies = true, .checks = true};

static uint16_t port;
static const char *tls; /* or NULL */

static void
usage(FILE *out)
{
	fputs("usage: simulator [--port N] [--latency MS] [--status-step MS]\n"
		  "                 [--ledger-bodies on|off] [--no-checks] [--stamp TEXT] [--tls "
		  "FILE]\n"
		  "                 [--devino-login LOGIN] [--devino-password PASSWORD]\n"
		  "                 [--diadoc-api-client-id ID] [--diadoc-login LOGIN]\n"
		  "                 [--diadoc-password PASSWORD] [--diadoc-client-id ID]\n"
		  "                 [--diadoc-client-secret SECRET] [--diadoc-refresh-token "
		  "TOKEN]\n"
		  "                 [--diadoc-token-life MS] [--diadoc-max-documents N]\n"
		  "                 [--edna-login LOGIN] [--edna-password PASSWORD]\n"
		  "                 [--edna-max-messages N]\n"
		  "                 [--personium-login LOGIN] [--personium-password PASSWORD]\n"
		  "                 [--personium-client-id URL] [--personium-client-secret "
		  "SECRET]\n"
		  "                 [--personium-refresh-token TOKEN] [--personium-token-life "
		  "MS]\n"
		  "                 [--personium-refresh-life MS] [--personium-lock MS]\n"
		  "                 [--personium-generation 1.5|1.6]\n"
		  "                 [--personium-message-id on|off]\n"
		  "                 [--personium-relation NAME=URL,URL...]\n"
		  "                 [--webhook-secret SECRET]\n",
		  out);
}

static int
number_option(const char *name, const char *value, long max)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (errno != 0 || *value < '0' || *value > '9' || *end != '\0' || number > max)
		die("option %s must be a number from 0 to %ld", name, max);
	return (int) number;
}

static bool
provider_option(const char *name, const char *value)
{
	int i;

	for (i = 0; providers[i] != NULL; i++)
	{
		size_t len = strlen(providers[i]->name);

		if (strncmp(name + 2, providers[i]->name, len) == 0 && name[2 + len] == '-')
			return providers[i]->set_option(name + 2 + len + 1, value);
	}
	return false;
}

static bool
set_option(const char *name, const char *value)
{
	if (strncmp(name, "--", 2) != 0)
		return false;
	if (strcmp(name, "--port") == 0)
		port = (uint16_t) number_option(name, value, 65535);
	else if (strcmp(name, "--latency") == 0)
		settings.latency_ms = number_option(name, value, 86400000);
	else if (strcmp(name, "--status-step") == 0)
		settings.status_step_ms = number_option(name, value, 86400000);
	else if (strcmp(name, "--tls") == 0)
		tls = value;
	else if (strcmp(name, "--stamp") == 0)
		settings.stamp = value;
	else if (strcmp(name, "--ledger-bodies") == 0)
	{
		if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
			die("option --ledger-bodies must be on or off");
		settings.ledger_bodies = strcmp(value, "on") == 0;
	}
	else
		return provider_option(name, value);
	return true;
}

static void
read_options(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--help") == 0)
		{
			usage(stdout);
			exit(0);
		}
		if (strcmp(argv[i], "--no-checks") == 0)
		{
			settings.checks = false;
			continue;
		}
		if (i + 1 == argc || !set_option(argv[i], argv[i + 1]))
		{
			usage(stderr);
			die("bad option %s", argv[i]);
		}
		i++;
	}
}

static void
handle_signal(int number)
{
	(void) number;
	server_ask_to_stop();
}

/* The signals are let in by the server's loop only. */
static void
prepare_signals(void)
{
	struct sigaction action = {.sa_handler = handle_signal};
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int
main(int argc, char **argv)
{
	int i;

	read_options(argc, argv);
	prepare_signals();
	callbacks_start();
	for (i = 0; providers[i] != NULL; i++)
		providers[i]->start();
	port = server_start(port, tls);

	printf("listening on 127.0.0.1:%u\n", (unsigned) port);
	fflush(stdout);
	server_run();

	server_stop();
	callbacks_stop();
	for (i = 0; providers[i] != NULL; i++)
		providers[i]->stop();
	script_clear();
	ledger_reset();
	timer_free();
	return 0;
}
