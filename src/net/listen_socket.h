/*
 * listen_socket.h
 *		The socket that the listener listens on.
 */
#ifndef MSGEXT_LISTEN_SOCKET_H
#define MSGEXT_LISTEN_SOCKET_H

#include <stddef.h>

/* A socket that listens on a numeric address, or -1 with a text in error. */
extern int msgext_listen_socket_open(const char *address, int port, char *error,
									 size_t error_room);

#endif /* MSGEXT_LISTEN_SOCKET_H */
