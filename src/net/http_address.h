/*
 * http_address.h
 *		Which addresses are public: what deny_private may connect to.
 *
 * Judges addresses, never names or spellings: what libcurl is about to connect to.
 */
#ifndef MSGEXT_HTTP_ADDRESS_H
#define MSGEXT_HTTP_ADDRESS_H

#include <stdbool.h>

struct sockaddr;

/*
 * Is it an address that anybody may have on the internet: neither this machine's nor a
 * private network's, a link's, a group's, a cloud's metadata service, or reserved?
 */
extern bool msgext_http_address_is_public(const struct sockaddr *address);

/* The same of an address written as inet_ntop() does; false for any other text. */
extern bool msgext_http_address_text_is_public(const char *text);

#endif /* MSGEXT_HTTP_ADDRESS_H */
