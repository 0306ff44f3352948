/*
 * xml_read.c
 *		The bounded XML reader: text in, tree out. See xml.h.
 *
 * libxml2 decides what is well formed; its document is copied into the arena. It opens
 * nothing, expands nothing, and is stopped at the first sign of a DTD, which no packet
 * has and which can forge attributes without any entity. Its callbacks here touch a
 * struct on the stack and never the arena, whose alloc may leave by longjmp. Its global
 * error handlers belong to the server and are neither used nor changed.
 *
 * libxml2 2.9 compares each attribute of a tag with all others, and each prefix with all
 * namespaces in scope. Tags with too many are refused before libxml2 sees a byte: it
 * calls nobody until a tag is whole.
 */
#include "core/xml.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

#include "core/ascii.h"
#include "core/lengthof.h"
#include "core/utf8.h"

#define BOM "\xEF\xBB\xBF"

/* Of one tag, namespaces included; and namespaces in scope of one element. */
#define ATTRIBUTES_MAX 64
#define NAMESPACES_MAX 64

const MsgXmlLimits msgext_xml_usual = {.size = 1024 * 1024, .depth = 32, .nodes = 100000};

typedef struct Reader
{
	const char *text;
	const char *start; /* where libxml2 begins to read: behind a byte order mark */
	const char *end;
	MsgArena *arena;
	const MsgXmlLimits *limits;
	MsgError *error;
	int nodes;
	int depth;		/* elements that are open */
	int namespaces; /* in scope */
	char why[200];	/* of the first complaint; "" = none */
	int line;
} Reader;

static bool
fail(Reader *reader, const char *at, const char *why)
{
	reader->error->offset = (size_t) (at - reader->text);
	return msgext_error(reader->error, "", "", "%s", why);
}

/*
 * What is read is UTF-8. Another encoding may be named where each of its bytes below
 * 0x80 is that ASCII character and the text has no others: nothing is ever converted,
 * so that no letter can come out as another.
 */
static bool
is_known_encoding(const char *name, size_t len)
{
	static const char *const prefixes[] = {
		"utf-8",	   "utf8",	"us-ascii", "ascii", "iso-8859-",
		"windows-125", "cp125", "koi8-",	"cp866", "ibm866"};
	size_t i;

	for (i = 0; i < lengthof(prefixes); i++)
	{
		size_t n = strlen(prefixes[i]);

		if (len >= n && msgext_ascii_same(name, n, prefixes[i]))
			return true;
	}
	return false;
}

/* The encoding that the XML declaration names; NULL when there is none to be found. */
static const char *
declared_encoding(const char *at, const char *end, size_t *len)
{
	const char *stop;
	const char *name;

	if (end - at < 6 || memcmp(at, "<?xml", 5) != 0 || at[5] == '-')
		return NULL;
	stop = memchr(at, '>', (size_t) (end - at));
	for (; stop != NULL && stop - at > 8; at++)
	{
		if (memcmp(at, "encoding", 8) != 0)
			continue;
		at += 8;
		while (at < stop && strchr(" \t\r\n=", *at) != NULL && *at != '\0')
			at++;
		if (at == stop || (*at != '"' && *at != '\''))
			return NULL;
		name = at + 1;
		at = memchr(name, *at, (size_t) (stop - name));
		*len = at != NULL ? (size_t) (at - name) : 0;
		return at != NULL ? name : NULL;
	}
	return NULL;
}

static bool
check_encoding(Reader *reader)
{
	const char *at = reader->start;
	size_t len = 0;
	const char *name = declared_encoding(at, reader->end, &len);
	bool utf8 = name == NULL || msgext_ascii_same(name, len, "utf-8") ||
				msgext_ascii_same(name, len, "utf8");

	if (name != NULL && !is_known_encoding(name, len))
		return fail(reader, name, "the encoding is neither UTF-8 nor like ASCII");
	while (at < reader->end)
	{
		size_t bytes = msgext_utf8_char(at, reader->end);

		/* With a NUL libxml2 might take it for UTF-16. */
		if (*at == '\0' || (bytes == 0 && utf8))
			return fail(reader, at, "the text is not valid UTF-8");
		if (bytes != 1 && !utf8)
			return fail(reader, at,
						"the text has letters in an encoding other than UTF-8");
		at += bytes;
	}
	return true;
}

/*
 * No "<" stands within a start tag (XML 1.0, 3.1, "No < in Attribute Values"), so that
 * each one begins anew: what looks like a tag within a comment or CDATA cannot hide the
 * next real one.
 */
static bool
check_tags(Reader *reader)
{
	const char *at;
	bool tag = false;
	char quote = '\0';
	int values = 0;

	for (at = reader->start; at < reader->end; at++)
	{
		if (*at == '<')
		{
			tag = at + 1 < reader->end && strchr("!?/", at[1]) == NULL;
			quote = '\0';
			values = 0;
		}
		else if (!tag)
			continue;
		else if (quote != '\0')
			quote = *at == quote ? '\0' : quote;
		else if (*at == '>')
			tag = false;
		else if (*at == '"' || *at == '\'')
		{
			quote = *at;
			if (++values > ATTRIBUTES_MAX)
				return fail(reader, at, "a tag has too many attributes");
		}
	}
	return true;
}

static Reader *
reader_of(void *context)
{
	return ((xmlParserCtxtPtr) context)->_private;
}

static void
note(Reader *reader, int line, const char *why)
{
	size_t len;

	if (reader->why[0] != '\0')
		return;
	snprintf(reader->why, sizeof(reader->why), "%s", why);
	for (len = 0; reader->why[len] != '\0'; len++)
	{
		if ((unsigned char) reader->why[len] < 0x20)
			reader->why[len] = ' ';
	}
	while (len > 0 && reader->why[len - 1] == ' ')
		reader->why[--len] = '\0';
	reader->line = line;
}

static void
stop(void *context, const char *why)
{
	note(reader_of(context), xmlSAX2GetLineNumber(context), why);
	xmlStopParser(context);
}

/* Callbacks of libxml2: nothing here may allocate in the arena. */

#if LIBXML_VERSION >= 21200
typedef const xmlError *XmlComplaint;
#else
typedef xmlErrorPtr XmlComplaint;
#endif

static void
on_error(void *context, XmlComplaint error)
{
	xmlParserCtxtPtr parser = context;

	/* A prefix without a namespace is a name like any other here. */
	if (error->level < XML_ERR_ERROR || error->domain == XML_FROM_NAMESPACE)
		return;
	note(reader_of(context), error->line,
		 error->message != NULL ? error->message : "it is not well formed");

	/*
	 * One complaint is enough, and there may be one for each byte. Before 2.14
	 * xmlStopParser would free the input under the function that complains.
	 */
#if LIBXML_VERSION >= 21400
	xmlStopParser(parser);
#else
	parser->instate = XML_PARSER_EOF;
	parser->disableSAX = 1;
#endif
}

static void
on_doctype(void *context, const xmlChar *name, const xmlChar *external_id,
		   const xmlChar *system_id)
{
	(void) name, (void) external_id, (void) system_id;
	stop(context, "it has a DOCTYPE, which is never read");
}

/* Nobody else uses these two members of a node: where it begins, and its end. */
static void
set_start(xmlNodePtr node, size_t at)
{
	node->_private = (void *) (uintptr_t) at;
}

static void
set_end(xmlNodePtr node, size_t at)
{
	node->psvi = (void *) (uintptr_t) at;
}

/* What libxml2 has read of the text: nothing is converted, so that its bytes are ours. */
static size_t
consumed(xmlParserCtxtPtr parser)
{
	const Reader *reader = reader_of(parser);
	const xmlParserInput *input = parser->input;

	return (size_t) (reader->start - reader->text) + (size_t) input->consumed +
		   (size_t) (input->cur - input->base);
}

/*
 * The same attribute twice is not well formed, and of one whose prefix is not declared
 * libxml2 no longer says so (2.15). Five pointers are an attribute's; names are shared.
 */
static bool
has_twice(int nattributes, const xmlChar **attributes)
{
	int i;
	int j;

	for (i = 1; i < nattributes; i++)
	{
		for (j = 0; j < i; j++)
		{
			if (attributes[5 * i] == attributes[5 * j] &&
				attributes[5 * i + 1] == attributes[5 * j + 1])
				return true;
		}
	}
	return false;
}

static void
on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		 int nnamespaces, const xmlChar **namespaces, int nattributes, int ndefaulted,
		 const xmlChar **attributes)
{
	xmlParserCtxtPtr parser = context;
	Reader *reader = reader_of(context);
	size_t at;

	reader->nodes += 1 + nattributes + nnamespaces;
	if (reader->nodes > reader->limits->nodes)
		stop(context, "there are too many elements");
	else if (reader->depth >= reader->limits->depth)
		stop(context, "elements are nested too deeply");
	else if (reader->namespaces + nnamespaces > NAMESPACES_MAX)
		stop(context, "there are too many namespaces");
	else if (has_twice(nattributes, attributes))
		stop(context, "an element has an attribute twice");
	else
	{
		reader->depth++;
		reader->namespaces += nnamespaces;
		xmlSAX2StartElementNs(context, name, prefix, uri, nnamespaces, namespaces,
							  nattributes, ndefaulted, attributes);

		/* The tag has been read up to its ">" or "/>", and has no other "<". */
		at = consumed(parser);
		while (at > 0 && reader->text[at - 1] != '<')
			at--;
		if (parser->node != NULL && at > 0)
			set_start(parser->node, at - 1);
	}
}

static void
on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	xmlParserCtxtPtr parser = context;
	Reader *reader = reader_of(context);
	const xmlNs *ns;

	if (parser->node != NULL)
	{
		set_end(parser->node, consumed(parser));
		for (ns = parser->node->nsDef; ns != NULL; ns = ns->next)
			reader->namespaces--;
	}
	reader->depth--;
	xmlSAX2EndElementNs(context, name, prefix, uri);
}

static void
release(void *object)
{
	xmlParserCtxtPtr context = object;

	xmlFreeDoc(context->myDoc);
	xmlFreeParserCtxt(context);
}

/* The document, which lives as long as the arena; NULL with the complaint noted. */
static xmlDocPtr
read_document(Reader *reader)
{
	xmlParserCtxtPtr context;

	xmlInitParser();
	context = xmlNewParserCtxt();
	if (context == NULL)
	{
		note(reader, 1, "libxml2 is out of memory");
		return NULL;
	}
	reader->arena->own(reader->arena, release, context);
	context->_private = reader;
	context->sax->serror = on_error;
	context->sax->internalSubset = on_doctype;
	context->sax->startElementNs = on_start;
	context->sax->endElementNs = on_end;
	context->myDoc =
		xmlCtxtReadMemory(context, reader->start, (int) (reader->end - reader->start),
						  NULL, NULL, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	context->_private = NULL;
	if (context->myDoc == NULL || reader->why[0] != '\0')
	{
		note(reader, 1, "it is not well formed");
		return NULL;
	}
	return context->myDoc;
}

/* The name as it was written, with its prefix. */
static const char *
copy_name(MsgArena *arena, const xmlNs *ns, const xmlChar *name)
{
	MsgBuf full;

	if (ns == NULL || ns->prefix == NULL)
		return msgext_strdup(arena, (const char *) name);
	msgext_buf_init(&full, arena, 32);
	msgext_buf_printf(&full, "%s:%s", (const char *) ns->prefix, (const char *) name);
	return full.data;
}

static bool
is_text(const xmlNode *node)
{
	return (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) &&
		   node->content != NULL;
}

static const char *
copy_text(MsgArena *arena, const xmlNode *children)
{
	const xmlNode *node;
	MsgBuf text;
	size_t len = 0;

	for (node = children; node != NULL; node = node->next)
		len += is_text(node) ? strlen((const char *) node->content) : 0;
	if (len == 0)
		return "";
	msgext_buf_init(&text, arena, len);
	for (node = children; node != NULL; node = node->next)
	{
		if (is_text(node))
			msgext_buf_puts(&text, (const char *) node->content);
	}
	return text.data;
}

static MsgXml *
copy_element(MsgArena *arena, const xmlNode *node)
{
	MsgXml *copy = msgext_alloc0(arena, sizeof(MsgXml));
	MsgXmlAttribute **link = &copy->attributes;
	const xmlAttr *attribute;
	const xmlNode *child;

	copy->name = copy_name(arena, node->ns, node->name);
	copy->start = (size_t) (uintptr_t) node->_private;
	copy->end = (size_t) (uintptr_t) node->psvi;
	copy->text = copy_text(arena, node->children);
	for (attribute = node->properties; attribute != NULL; attribute = attribute->next)
	{
		MsgXmlAttribute *one = msgext_alloc0(arena, sizeof(MsgXmlAttribute));

		one->name = copy_name(arena, attribute->ns, attribute->name);
		one->value = copy_text(arena, attribute->children);
		*link = one;
		link = &one->next;
	}
	for (child = node->children; child != NULL; child = child->next)
	{
		MsgXml *element;

		if (child->type != XML_ELEMENT_NODE)
			continue;
		element = copy_element(arena, child);
		if (copy->last != NULL)
			copy->last->next = element;
		else
			copy->first = element;
		copy->last = element;
		copy->count++;
	}
	return copy;
}

MsgXml *
msgext_xml_parse(MsgArena *arena, const char *text, size_t len,
				 const MsgXmlLimits *limits, MsgError *error)
{
	Reader reader = {.text = text,
					 .start = text,
					 .end = text + len,
					 .arena = arena,
					 .limits = limits,
					 .error = error};
	xmlDocPtr document;

	error->offset = 0;
	if (len > limits->size)
	{
		fail(&reader, text + limits->size, "the text is too long");
		return NULL;
	}
	if (len >= 3 && memcmp(text, BOM, 3) == 0)
		reader.start += 3;
	if (reader.start == reader.end)
	{
		fail(&reader, reader.start, "the text is empty");
		return NULL;
	}
	if (!check_encoding(&reader) || !check_tags(&reader))
		return NULL;
	document = read_document(&reader);
	if (document == NULL)
	{
		msgext_error(error, "", "", "the text is no XML at line %d: %s", reader.line,
					 reader.why);
		return NULL;
	}
	return copy_element(arena, xmlDocGetRootElement(document));
}
