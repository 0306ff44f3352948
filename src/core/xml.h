/*
 * xml.h
 *		A bounded XML reader into a tree, and the writing of texts and attributes.
 *
 * For packets of data, not for documents: there is no DTD, no entity beyond the five
 * predefined ones, and text that is scattered between child elements is one text. Names
 * are compared exactly, with their prefix. It knows no provider.
 */
#ifndef MSGEXT_XML_H
#define MSGEXT_XML_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/error.h"

typedef struct MsgXmlAttribute
{
	struct MsgXmlAttribute *next;
	const char *name;
	const char *value;
} MsgXmlAttribute;

typedef struct MsgXml MsgXml;

/* An element. XML has no NUL, so all texts are plain strings, in UTF-8. */
struct MsgXml
{
	const char *name;
	const char *text; /* its own, CDATA included, that of its children not */
	MsgXmlAttribute *attributes;
	MsgXml *first; /* child elements, in order */
	MsgXml *last;
	MsgXml *next;
	int count;
	size_t start; /* where it stood in the text that was read */
	size_t end;
};

typedef struct MsgXmlLimits
{
	size_t size; /* bytes of text */
	int depth;	 /* of elements */
	int nodes;	 /* elements and attributes */
} MsgXmlLimits;

/* 1 MiB, 32 levels, 100,000 elements and attributes; 64 attributes a tag always. */
extern const MsgXmlLimits msgext_xml_usual;

/* Returns NULL with *error filled in when the text is not XML or exceeds a limit. */
extern MsgXml *msgext_xml_parse(MsgArena *arena, const char *text, size_t len,
								const MsgXmlLimits *limits, MsgError *error);

/* The first child, or the first element anywhere below, of that name; NULL = none. */
extern const MsgXml *msgext_xml_child(const MsgXml *node, const char *name);
extern const MsgXml *msgext_xml_find(const MsgXml *node, const char *name);

/* The value of an attribute without white space around it; NULL = none, or no more. */
extern const char *msgext_xml_attribute(MsgArena *arena, const MsgXml *node,
										const char *name);

/* The same of an element's text; NULL also when it has child elements. */
extern const char *msgext_xml_text(MsgArena *arena, const MsgXml *node);

extern bool msgext_xml_is(const MsgXml *node, const char *name);

/* Is it UTF-8, and can XML 1.0 carry every character of it, escaped or not? */
extern bool msgext_xml_can_carry(const char *text, size_t len);

/* Writes ' name="value"', of text that XML can carry. */
extern void msgext_xml_put_attribute(MsgBuf *buf, const char *name, const char *value);

/* Writes "<name>text</name>", likewise. */
extern void msgext_xml_put_element(MsgBuf *buf, const char *name, const char *text,
								   size_t len);

#endif /* MSGEXT_XML_H */
