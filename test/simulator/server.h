/*
 * server.h
 *		The HTTP side: one loopback port, one thread, any number of keep-alive
 *		connections.
 */
#ifndef SIMULATOR_SERVER_H
#define SIMULATOR_SERVER_H

#include <stdbool.h>
#include <stdint.h>

extern uint16_t server_start(uint16_t port, const char *tls);
extern void server_run(void);
extern void server_stop(void);

/* callable from a signal handler */
extern void server_ask_to_stop(void);

extern void server_set_down(bool down);
extern void server_release(void);

#endif /* SIMULATOR_SERVER_H */
