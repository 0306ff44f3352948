/*
 * test_net_endpoint.c
 *		Which path leads to which server.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "net/endpoint.h"

static const MsgEndpoint endpoints[] = {
	{"vk", "token"}, {"vk", "other"}, {"a b/c", "t%1"}, {"", "empty"}, {"twin", "token"}};

static void
check_paths(void)
{
	int lost;
	MsgEndpoints *all = msgext_endpoints_create(endpoints, 5, &lost);

	test_begin("endpoint: paths");
	CHECK_INT(lost, 0);
	CHECK_TEXT(msgext_endpoints_find(all, "/vk/token"), "vk");
	CHECK_TEXT(msgext_endpoints_find(all, "/vk/other"), "vk");
	CHECK_TEXT(msgext_endpoints_find(all, "/twin/token"), "twin");
	CHECK_TEXT(msgext_endpoints_find(all, "/%76k/tok%65n"), "vk");
	CHECK_TEXT(msgext_endpoints_find(all, "/a%20b%2Fc/t%251"), "a b/c");
	CHECK_TEXT(msgext_endpoints_find(all, "//empty"), "");
	CHECK(msgext_endpoints_find(all, "/vk/toke") == NULL);
	CHECK(msgext_endpoints_find(all, "/vk/token/") == NULL);
	CHECK(msgext_endpoints_find(all, "/vk/tokenx") == NULL);
	CHECK(msgext_endpoints_find(all, "/twin/other") == NULL);
	CHECK(msgext_endpoints_find(all, "/VK/token") == NULL);
	CHECK(msgext_endpoints_find(all, "vk/token") == NULL);
	CHECK(msgext_endpoints_find(all, "/vk") == NULL);
	CHECK(msgext_endpoints_find(all, "/vk/") == NULL);
	CHECK(msgext_endpoints_find(all, "") == NULL);
	CHECK(msgext_endpoints_find(all, "/vk/tok%6") == NULL);
	CHECK(msgext_endpoints_find(all, "/vk/tok%zzn") == NULL);
	CHECK(msgext_endpoints_find(all, "/vk/token%00") == NULL);
	CHECK(msgext_endpoints_find(all, "/vk%00token/") == NULL);
	CHECK(msgext_endpoints_find(NULL, "/vk/token") == NULL);
	msgext_endpoints_free(all);
	test_end();
}

static void
check_lengths(void)
{
	char token[MSG_ENDPOINT_MAX + 10];
	char path[MSG_ENDPOINT_MAX + 20];
	MsgEndpoint pair[2] = {{"s", token}, {"t", "short"}};
	MsgEndpoints *all;
	int len;
	int lost;

	test_begin("endpoint: lengths");
	for (len = MSG_ENDPOINT_MAX - 3; len <= MSG_ENDPOINT_MAX; len++)
	{
		memset(token, 'x', sizeof(token));
		token[len] = '\0';
		all = msgext_endpoints_create(pair, 2, &lost);
		CHECK_INT(lost, len > MSG_ENDPOINT_MAX - 2);
		strcpy(path, "/s/");
		strcat(path, token);
		if (lost == 0)
			CHECK_TEXT(msgext_endpoints_find(all, path), "s");
		else
			CHECK(msgext_endpoints_find(all, path) == NULL);
		CHECK_TEXT(msgext_endpoints_find(all, "/t/short"), "t");
		msgext_endpoints_free(all);
	}
	test_end();
}

void
test_net_endpoint(void)
{
	check_paths();
	check_lengths();
}
