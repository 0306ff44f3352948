/*
 * schema.h
 *		The provider's message types that the codec names, by their descriptors.
 *
 * They are made from proto/diadoc/ when the extension is built.
 */
#ifndef MSGEXT_DIADOC_SCHEMA_H
#define MSGEXT_DIADOC_SCHEMA_H

#include "core/pb.h"

#include "build/proto/diadoc/Documents/Document.pb-c.h"
#include "build/proto/diadoc/Events/DiadocMessage-GetApi.pb-c.h"
#include "build/proto/diadoc/Events/DiadocMessage-PostApi.pb-c.h"

#define DIADOC_MESSAGE_TO_POST (&diadoc__api__proto__events__message_to_post__descriptor)
#define DIADOC_MESSAGE (&diadoc__api__proto__events__message__descriptor)
#define DIADOC_DOCUMENT (&diadoc__api__proto__documents__document__descriptor)

#endif /* MSGEXT_DIADOC_SCHEMA_H */
