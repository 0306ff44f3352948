/*
 * edna_packet.c
 *		Reads edna's request packets with libxml2.
 *
 * Owns the strings of a packet. A packet that is not well formed, has a character that
 * XML 1.0 does not know, a DOCTYPE, or an element that the provider's pages do not name
 * is refused as a whole, which is error-syntax. Never looks at what a value means.
 */
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "edna.h"

static const char *const field_names[EDNA_FIELDS] = {[EDNA_ADDRESS] = "address",
													 [EDNA_SUBJECT] = "subject",
													 [EDNA_PRIORITY] = "priority",
													 [EDNA_START_TIME] = "startTime",
													 [EDNA_VALIDITY] =
														 "validityPeriodMinutes",
													 [EDNA_CONTENT_TYPE] = "contentType",
													 [EDNA_CONTENT] = "content",
													 [EDNA_COMMENT] = "comment"};

void
edna_packet_start(void)
{
	xmlInitParser();
}

void
edna_packet_stop(void)
{
	xmlCleanupParser();
}

const char *
edna_field_name(EdnaField field)
{
	return field_names[field];
}

/*
 * Which operation a request is stands in its root alone. Looked up without a parser: a
 * script's rules choose before anything is read, and may hit nonsense too.
 */
size_t
edna_root(const Buf *body, const char **name)
{
	const char *at = body->data;

	if (strncmp(at, "\xEF\xBB\xBF", 3) == 0)
		at += 3;
	for (;;)
	{
		const char *end;

		at += strspn(at, " \t\r\n");
		if (strncmp(at, "<?", 2) == 0)
			end = strstr(at, "?>");
		else if (strncmp(at, "<!--", 4) == 0)
			end = strstr(at, "-->");
		else
			break;
		if (end == NULL)
			break;
		at = strchr(end, '>') + 1;
	}
	*name = *at == '<' ? at + 1 : "";
	return strcspn(*name, " \t\r\n/>");
}

static xmlNode *
next_element(xmlNode *node)
{
	while (node != NULL && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

static xmlNode *
first_child(const xmlNode *node)
{
	return next_element(node->children);
}

static bool
is_named(const xmlNode *node, const char *name)
{
	return node != NULL && strcmp((const char *) node->name, name) == 0;
}

/* The only child of that name, NULL unless there is exactly one. */
static xmlNode *
only_child(const xmlNode *parent, const char *name)
{
	xmlNode *found = NULL;
	xmlNode *node;

	for (node = first_child(parent); node != NULL; node = next_element(node->next))
	{
		if (!is_named(node, name))
			continue;
		if (found != NULL)
			return NULL;
		found = node;
	}
	return found;
}

static char *
text_of(xmlNode *node)
{
	xmlChar *text = xmlNodeGetContent(node);

	if (text == NULL)
		die("out of memory");
	return (char *) text;
}

static void
fields_free(EdnaItem *item)
{
	int i;

	for (i = 0; i < EDNA_FIELDS; i++)
		xmlFree(item->fields[i]);
}

/* Children that are no field, come twice or have children of their own are refused. */
static bool
read_fields(const xmlNode *element, EdnaItem *item)
{
	xmlNode *node;

	for (node = first_child(element); node != NULL; node = next_element(node->next))
	{
		int i = 0;

		while (i < EDNA_FIELDS && !is_named(node, field_names[i]))
			i++;
		if (i == EDNA_FIELDS || item->fields[i] != NULL || first_child(node) != NULL ||
			node->properties != NULL)
			return false;
		item->fields[i] = text_of(node);
	}
	return true;
}

/*
 * "A value is taken from outMessage, else from outMessageCommon"; no address is common.
 */
static void
complete(EdnaItem *item, const EdnaItem *common)
{
	int i;

	for (i = EDNA_SUBJECT; i < EDNA_FIELDS; i++)
	{
		if (item->fields[i] == NULL && common->fields[i] != NULL)
			item->fields[i] = (char *) xmlStrdup((const xmlChar *) common->fields[i]);
	}
}

/* An attribute more is as wrong as the only one missing. */
static bool
read_item(xmlNode *node, const char *attribute, EdnaItem *item)
{
	const xmlAttr *given = node->properties;

	if (!is_named(node, "outMessage") || given == NULL || given->next != NULL ||
		strcmp((const char *) given->name, attribute) != 0)
		return false;
	item->id = (char *) xmlGetProp(node, (const xmlChar *) attribute);
	return item->id != NULL && read_fields(node, item);
}

static bool
read_list(const xmlNode *payload, const char *attribute, const EdnaItem *common,
		  EdnaPacket *packet)
{
	const xmlNode *list = only_child(payload, "outMessageList");
	xmlNode *node;
	int n = 0;

	if (list == NULL)
		return false;
	for (node = first_child(list); node != NULL; node = next_element(node->next))
		n++;
	if (n == 0)
		return false;
	packet->items = must_alloc((size_t) n * sizeof(EdnaItem));
	for (node = first_child(list); node != NULL; node = next_element(node->next))
	{
		if (!read_item(node, attribute, &packet->items[packet->len++]))
			return false;
		complete(&packet->items[packet->len - 1], common);
	}
	return true;
}

static bool
read_auth(const xmlNode *root, EdnaPacket *packet)
{
	const xmlNode *header = only_child(root, "header");
	const xmlNode *auth = header != NULL ? only_child(header, "auth") : NULL;
	xmlNode *login = auth != NULL ? only_child(auth, "login") : NULL;
	xmlNode *password = auth != NULL ? only_child(auth, "password") : NULL;

	if (login == NULL || password == NULL)
		return false;
	packet->login = text_of(login);
	packet->password = text_of(password);
	return true;
}

/* "Exactly two children header and payload"; nothing but the list and its defaults. */
static bool
read_document(const xmlNode *root, EdnaPacket *packet)
{
	bool sending = is_named(root, EDNA_SEND);
	const xmlNode *payload = only_child(root, "payload");
	const xmlNode *node;
	EdnaItem common = {0};
	bool good;

	if (xmlChildElementCount((xmlNode *) root) != 2 || payload == NULL ||
		!read_auth(root, packet))
		return false;
	node = only_child(payload, "outMessageCommon");
	if (xmlChildElementCount((xmlNode *) payload) != (node != NULL ? 2 : 1) ||
		(node != NULL && !sending))
		return false;
	good = node == NULL ||
		   (read_fields(node, &common) && common.fields[EDNA_ADDRESS] == NULL);
	if (good)
		good = read_list(payload, sending ? "clientId" : "providerId", &common, packet);
	fields_free(&common);
	return good;
}

bool
edna_read(const Buf *body, const char *root, EdnaPacket *packet)
{
	xmlDoc *document =
		xmlReadMemory(body->data, (int) body->len, NULL, NULL,
					  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	const xmlNode *element = document != NULL ? xmlDocGetRootElement(document) : NULL;
	bool good = is_named(element, root) && document->intSubset == NULL &&
				read_document(element, packet);

	xmlFreeDoc(document);
	return good;
}

void
edna_packet_free(EdnaPacket *packet)
{
	int i;

	for (i = 0; i < packet->len; i++)
	{
		xmlFree(packet->items[i].id);
		fields_free(&packet->items[i]);
	}
	free(packet->items);
	xmlFree(packet->login);
	xmlFree(packet->password);
}
