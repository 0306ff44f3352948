/*
 * http_address.c
 *		Which addresses are public: see http_address.h.
 *
 * By IANA's registries of special-purpose addresses: what they do not call globally
 * reachable is not. Of IPv6 only 2000::/3 is given out, so the rest is refused unseen,
 * but for the forms in which an IPv4 address is written.
 */
#include "net/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "core/lengthof.h"

typedef struct Block4
{
	uint32_t first;
	int bits;
} Block4;

#define V4(a, b, c, d)                                                                   \
	((uint32_t) (a) << 24 | (uint32_t) (b) << 16 | (uint32_t) (c) << 8 | (uint32_t) (d))

static const Block4 refused4[] = {
	{V4(0, 0, 0, 0), 8},		/* this network: Linux connects to itself */
	{V4(10, 0, 0, 0), 8},		/* private */
	{V4(100, 64, 0, 0), 10},	/* behind carriers' NAT; Alibaba's metadata */
	{V4(127, 0, 0, 0), 8},		/* this host */
	{V4(168, 63, 129, 16), 32}, /* Azure's host agent, in everybody's view of it */
	{V4(169, 254, 0, 0), 16},	/* link-local; most clouds' metadata */
	{V4(172, 16, 0, 0), 12},	/* private */
	{V4(192, 0, 0, 0), 24},		/* protocol assignments; Oracle's metadata */
	{V4(192, 0, 2, 0), 24},		/* documentation */
	{V4(192, 88, 99, 0), 24},	/* relays of 6to4, given up */
	{V4(192, 168, 0, 0), 16},	/* private */
	{V4(198, 18, 0, 0), 15},	/* benchmarks */
	{V4(198, 51, 100, 0), 24},	/* documentation */
	{V4(203, 0, 113, 0), 24},	/* documentation */
	{V4(224, 0, 0, 0), 3},		/* groups, reserved, broadcast */
};

typedef struct Block6
{
	unsigned char first[6];
	int bits;
} Block6;

/* Within 2000::/3. */
static const Block6 refused6[] = {
	{{0x20, 0x01, 0x00}, 23},		/* protocol assignments; Teredo holds any address */
	{{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
	{{0x20, 0x02}, 16},				/* 6to4 holds any address of IPv4 */
	{{0x3f, 0xff, 0x00}, 20},		/* documentation */
};

static bool
is_public4(uint32_t address)
{
	size_t i;

	for (i = 0; i < lengthof(refused4); i++)
		if ((address ^ refused4[i].first) >> (32 - refused4[i].bits) == 0)
			return false;
	return true;
}

static bool
begins_with(const unsigned char *address, const unsigned char *first, int bits)
{
	int whole = bits / 8;
	int rest = bits % 8;

	return memcmp(address, first, (size_t) whole) == 0 &&
		   (rest == 0 || (address[whole] ^ first[whole]) >> (8 - rest) == 0);
}

static bool
is_public6(const unsigned char *address)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	size_t i;

	/* An address of IPv4, written as one of IPv6 or to be reached through a gateway. */
	if (memcmp(address, mapped, sizeof(mapped)) == 0 ||
		memcmp(address, nat64, sizeof(nat64)) == 0)
		return is_public4(V4(address[12], address[13], address[14], address[15]));
	if (address[0] >> 5 != 1)
		return false;
	for (i = 0; i < lengthof(refused6); i++)
		if (begins_with(address, refused6[i].first, refused6[i].bits))
			return false;
	return true;
}

bool
msgext_http_address_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return is_public4(ntohl(((const struct sockaddr_in *) address)->sin_addr.s_addr));
	if (address->sa_family == AF_INET6)
		return is_public6(((const struct sockaddr_in6 *) address)->sin6_addr.s6_addr);
	return false;
}

bool
msgext_http_address_text_is_public(const char *text)
{
	unsigned char bytes[16];

	if (text == NULL)
		return false;
	if (inet_pton(AF_INET, text, bytes) == 1)
		return is_public4(V4(bytes[0], bytes[1], bytes[2], bytes[3]));
	return inet_pton(AF_INET6, text, bytes) == 1 && is_public6(bytes);
}
