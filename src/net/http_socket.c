/*
 * http_socket.c
 *		The sockets that libcurl has open for one client: see http_socket.h.
 *
 * A socket has no local port before it is connected, so new ones lie in a list apart
 * until somebody asks.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */

#include "net/http_socket.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_address.h"

#define BUCKETS 1024

struct MsgHttpSockets
{
	uint64_t serial; /* the last one given */
	MsgHttpSocket **by_fd;
	int room; /* of by_fd */
	MsgHttpSocket *fresh;
	MsgHttpSocket *by_port[BUCKETS];
};

typedef union Address
{
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} Address;

static int
port_of(const Address *address)
{
	if (address->any.sa_family == AF_INET)
		return ntohs(address->v4.sin_port);
	if (address->any.sa_family == AF_INET6)
		return ntohs(address->v6.sin6_port);
	return 0;
}

/* The other end, which stays what it is; false before the socket is connected. */
static bool
has_peer(MsgHttpSocket *one)
{
	Address peer;
	socklen_t len = sizeof(peer);
	const void *bytes;

	if (one->peer_port != 0)
		return true;
	if (getpeername(one->fd, &peer.any, &len) != 0)
		return false;
	bytes = peer.any.sa_family == AF_INET ? (const void *) &peer.v4.sin_addr
										  : (const void *) &peer.v6.sin6_addr;
	if (inet_ntop(peer.any.sa_family, bytes, one->peer_ip, sizeof(one->peer_ip)) == NULL)
		return false;
	one->peer_port = port_of(&peer);
	return one->peer_port != 0;
}

/* Room for this descriptor; false when there is no memory. */
static bool
make_room(MsgHttpSockets *sockets, int fd)
{
	int room = sockets->room == 0 ? 128 : sockets->room;
	MsgHttpSocket **grown;

	while (room <= fd)
		room *= 2;
	if (room == sockets->room)
		return true;
	grown = realloc(sockets->by_fd, (size_t) room * sizeof(*grown));
	if (grown == NULL)
		return false;
	memset(grown + sockets->room, 0, (size_t) (room - sockets->room) * sizeof(*grown));
	sockets->by_fd = grown;
	sockets->room = room;
	return true;
}

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	MsgHttpOpener *opener = arg;
	MsgHttpSockets *sockets = opener->sockets;
	MsgHttpSocket *opened;
	int fd;

	(void) purpose;

	/* A handle that speaks while it connects writes a text for every record of TLS, ever. */
	curl_easy_setopt(opener->easy, CURLOPT_VERBOSE, 0L);
	msgext_http_gate_connect(&opener->turn);

	/* Here the name has been resolved: what is judged is what is connected to. */
	if (opener->deny_private && !msgext_http_address_is_public(&address->addr))
	{
		opener->denied = true;
		return CURL_SOCKET_BAD;
	}
	if ((opened = calloc(1, sizeof(MsgHttpSocket))) == NULL)
		return CURL_SOCKET_BAD;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0 || !make_room(sockets, fd))
	{
		if (fd >= 0)
			close(fd);
		free(opened);
		return CURL_SOCKET_BAD;
	}
	opened->fd = fd;
	sockets->by_fd[fd] = opened;
	opened->serial = ++sockets->serial;
	opened->next = sockets->fresh;
	sockets->fresh = opened;
	return fd;
}

static void
forget(MsgHttpSockets *sockets, MsgHttpSocket *closed)
{
	MsgHttpSocket **list = closed->local_port == 0
							   ? &sockets->fresh
							   : &sockets->by_port[closed->local_port % BUCKETS];

	while (*list != closed)
		list = &(*list)->next;
	*list = closed->next;
	sockets->by_fd[closed->fd] = NULL;
	free(closed);
}

static int
on_close(void *arg, curl_socket_t fd)
{
	MsgHttpSockets *sockets = arg;
	MsgHttpSocket *closed = msgext_http_sockets_at(sockets, fd);

	if (closed != NULL)
		forget(sockets, closed);
	return close(fd);
}

/* Gives those sockets their place that have a local port by now. */
static void
sort_fresh(MsgHttpSockets *sockets)
{
	MsgHttpSocket **list = &sockets->fresh;

	while (*list != NULL)
	{
		MsgHttpSocket *one = *list;
		Address local;
		socklen_t len = sizeof(local);

		if (getsockname(one->fd, &local.any, &len) == 0)
			one->local_port = port_of(&local);
		if (one->local_port == 0)
		{
			list = &one->next;
			continue;
		}
		*list = one->next;
		one->next = sockets->by_port[one->local_port % BUCKETS];
		sockets->by_port[one->local_port % BUCKETS] = one;
	}
}

MsgHttpSockets *
msgext_http_sockets_create(void)
{
	return calloc(1, sizeof(MsgHttpSockets));
}

void
msgext_http_sockets_free(MsgHttpSockets *sockets)
{
	int fd;

	if (sockets == NULL)
		return;
	for (fd = 0; fd < sockets->room; fd++)
		free(sockets->by_fd[fd]);
	free(sockets->by_fd);
	free(sockets);
}

void
msgext_http_sockets_attach(MsgHttpOpener *opener, CURL *easy)
{
	opener->easy = easy;
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, opener);

	/* A socket may outlive the handle that it was opened for. */
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, opener->sockets);
}

MsgHttpSocket *
msgext_http_sockets_at(const MsgHttpSockets *sockets, int fd)
{
	return fd >= 0 && fd < sockets->room ? sockets->by_fd[fd] : NULL;
}

/* With a proxy, libcurl's port of the peer may be the one behind it. */
MsgHttpSocket *
msgext_http_sockets_find(MsgHttpSockets *sockets, int local_port, const char *peer_ip,
						 int peer_port)
{
	MsgHttpSocket *near = NULL;
	MsgHttpSocket *one;

	if (local_port <= 0)
		return NULL;
	sort_fresh(sockets);
	for (one = sockets->by_port[local_port % BUCKETS]; one != NULL; one = one->next)
	{
		if (one->local_port != local_port || !has_peer(one) ||
			strcmp(one->peer_ip, peer_ip) != 0)
			continue;
		if (one->peer_port == peer_port)
			return one;
		near = one;
	}
	return near;
}
