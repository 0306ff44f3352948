/*
 * test_net_address.c
 *		Which addresses are public, and that option deny_private connects to no others.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "net/http_address.h"
#include "test_net_peer.h"
#include "test_net_run.h"

/* Whatever a host is called: the address that is connected to counts. */
static void
check_deny_private(void)
{
	static const char *const hosts[] = {"127.0.0.1",
										"localhost",
										"2130706433",
										"0177.0.0.1",
										"0x7f.1",
										"127.1",
										"[::ffff:127.0.0.1]",
										"[::1]",
										"0.0.0.0",
										"0",
										"169.254.169.254",
										"[fe80::1]",
										"10.0.0.1",
										"100.100.100.200",
										"[64:ff9b::a00:1]",
										"[::ffff:a9fe:a9fe]",
										"[fd00:ec2::254]"};
	MsgHttpTarget target = run_target;
	MsgHttp *http;
	Peer *peer;
	size_t i;
	Sent one;

	target.serial = 7;
	target.deny_private = true;
	test_begin("address: deny_private");
	http = msgext_http_create();
	msgext_http_limit(http, 4096);
	peer = peer_start(peer_talk_counting, NULL);
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
	{
		snprintf(run_host, sizeof(run_host), "%s", hosts[i]);
		run_send(http, &one, "http", peer->port, &target);
		if (one.transport != MSG_TRANSPORT_NEVER_LEFT || one.error == NULL ||
			strstr(one.error, "deny_private") == NULL)
			test_fail(__FILE__, __LINE__, "%s: %s", hosts[i],
					  one.error != NULL ? one.error : one.body);
	}
	CHECK_INT(atomic_load(&peer->connections), 0);

	/* Nor does it use a connection that another target has left open. */
	strcpy(run_host, "127.0.0.1");
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_TEXT(one.body, "0/1");
	run_send(http, &one, "http", peer->port, &target);
	CHECK_INT(one.transport, MSG_TRANSPORT_NEVER_LEFT);
	CHECK(one.error != NULL && strstr(one.error, "deny_private") != NULL);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_INT(one.transport, MSG_TRANSPORT_ANSWERED);
	CHECK_INT(atomic_load(&peer->requests), 2);
	msgext_http_destroy(http);
	peer_stop(peer);
	test_end();
}

static void
check_addresses(void)
{
	static const char *const public[] = {
		"1.1.1.1",		   "9.255.255.255",		"11.0.0.0",		  "100.63.255.255",
		"100.128.0.0",	   "126.255.255.255",	"128.0.0.1",	  "169.253.255.255",
		"169.255.0.0",	   "172.15.255.255",	"172.32.0.0",	  "192.0.1.0",
		"192.167.255.255", "192.169.0.0",		"198.17.255.255", "198.20.0.0",
		"223.255.255.255", "168.63.129.15",		"2000::1",		  "2001:200::1",
		"2001:db7::1",	   "2a00:1450:4010::1", "3ffe::1",		  "::ffff:8.8.8.8",
		"64:ff9b::8.8.8.8"};
	static const char *const others[] = {"0.0.0.0",
										 "10.1.2.3",
										 "100.64.0.0",
										 "100.127.255.255",
										 "127.255.255.255",
										 "168.63.129.16",
										 "169.254.0.1",
										 "172.16.0.0",
										 "172.31.255.255",
										 "192.0.0.192",
										 "192.0.2.1",
										 "192.88.99.1",
										 "192.168.255.255",
										 "198.18.0.1",
										 "198.19.255.255",
										 "198.51.100.7",
										 "203.0.113.7",
										 "224.0.0.1",
										 "239.1.1.1",
										 "240.0.0.1",
										 "255.255.255.255",
										 "::",
										 "::1",
										 "::127.0.0.1",
										 "::ffff:10.0.0.1",
										 "::ffff:0:10.0.0.1",
										 "64:ff9b::127.0.0.1",
										 "64:ff9b:1::1",
										 "100::1",
										 "1fff::1",
										 "2001::1",
										 "2001:0:1::1",
										 "2001:1ff::1",
										 "2001:db8::1",
										 "2002:7f00:1::1",
										 "3fff::1",
										 "3fff:fff::1",
										 "4000::1",
										 "fc00::1",
										 "fd00:ec2::254",
										 "fe80::1",
										 "fec0::1",
										 "ff02::1",
										 "fe80::1%eth0",
										 "localhost",
										 ""};
	size_t i;

	test_begin("address: which addresses are public");
	for (i = 0; i < sizeof(public) / sizeof(public[0]); i++)
		if (!msgext_http_address_text_is_public(public[i]))
			test_fail(__FILE__, __LINE__, "%s is public", public[i]);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (msgext_http_address_text_is_public(others[i]))
			test_fail(__FILE__, __LINE__, "%s is not public", others[i]);
	CHECK(!msgext_http_address_text_is_public(NULL));
	test_end();
}

void
test_net_address(void)
{
	check_deny_private();
	check_addresses();
}
