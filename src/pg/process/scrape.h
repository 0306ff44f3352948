/*
 * scrape.h
 *		GET /metrics: builds the page, and keeps it for a second.
 */
#ifndef MSGEXT_SCRAPE_H
#define MSGEXT_SCRAPE_H

#include "net/http_listener.h"

/* Answers who asks for the page. Outside a transaction. */
extern void msgext_scrape(MsgHttpListener *http, MsgPush *request);

#endif /* MSGEXT_SCRAPE_H */
