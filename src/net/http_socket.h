/*
 * http_socket.h
 *		The sockets that libcurl has open for one client, and which of them a request is
 *		about to use.
 *
 * libcurl does not name the socket of a request that has not been sent. It names the two
 * ends, and by those the socket is found here. Reads and writes nothing.
 */
#ifndef MSGEXT_HTTP_SOCKET_H
#define MSGEXT_HTTP_SOCKET_H

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/http_gate.h"

typedef struct MsgHttpSocket
{
	struct MsgHttpSocket *next;
	int fd;
	int local_port; /* 0 = not known yet */
	int peer_port;	/* the same; with it: */
	char peer_ip[INET6_ADDRSTRLEN];
	uint64_t serial;  /* no other socket of the client has had it */
	bool used;		  /* a request has been sent on it */
	bool wanted;	  /* libcurl waits for something to happen on it */
	uint32_t watched; /* what epoll looks for, which the client tells it */
} MsgHttpSocket;

typedef struct MsgHttpSockets MsgHttpSockets;

/* How a handle's sockets are opened; as long-lived as the handle. */
typedef struct MsgHttpOpener
{
	MsgHttpSockets *sockets;
	bool deny_private; /* connects to public addresses only */
	bool denied;	   /* an address was not one, and was left alone */
	CURL *easy;		   /* whose they are */
	MsgHttpTurn turn;  /* before the gate of its peer */
} MsgHttpOpener;

/* Returns NULL when there is no memory. */
extern MsgHttpSockets *msgext_http_sockets_create(void);
/* After libcurl has closed all of them. */
extern void msgext_http_sockets_free(MsgHttpSockets *sockets);

/* Makes libcurl open and close this handle's sockets here. */
extern void msgext_http_sockets_attach(MsgHttpOpener *opener, CURL *easy);

/* The socket that this descriptor is, or NULL: libcurl has some of its own. */
extern MsgHttpSocket *msgext_http_sockets_at(const MsgHttpSockets *sockets, int fd);

/* The socket with these ends, as libcurl writes them; NULL when none is known. */
extern MsgHttpSocket *msgext_http_sockets_find(MsgHttpSockets *sockets, int local_port,
											   const char *peer_ip, int peer_port);

#endif /* MSGEXT_HTTP_SOCKET_H */
