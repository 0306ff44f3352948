/*
 * xml.c
 *		Looking into a tree of elements, and writing texts: see xml.h.
 *
 * Reading is xml_read.c's.
 */
#include "core/xml.h"

#include <string.h>

#include "core/utf8.h"

bool
msgext_xml_is(const MsgXml *node, const char *name)
{
	return node != NULL && strcmp(node->name, name) == 0;
}

const MsgXml *
msgext_xml_child(const MsgXml *node, const char *name)
{
	const MsgXml *child = node != NULL ? node->first : NULL;

	while (child != NULL && !msgext_xml_is(child, name))
		child = child->next;
	return child;
}

const MsgXml *
msgext_xml_find(const MsgXml *node, const char *name)
{
	const MsgXml *child;

	for (child = node != NULL ? node->first : NULL; child != NULL; child = child->next)
	{
		const MsgXml *found =
			msgext_xml_is(child, name) ? child : msgext_xml_find(child, name);

		if (found != NULL)
			return found;
	}
	return NULL;
}

/* White space as XML has it (XML 1.0, 2.3). */
static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without what is around it; NULL when nothing is left. */
static const char *
trim(MsgArena *arena, const char *text)
{
	size_t len;

	while (is_space(*text))
		text++;
	len = strlen(text);
	if (len == 0 || !is_space(text[len - 1]))
		return len > 0 ? text : NULL;
	while (is_space(text[len - 1]))
		len--;
	return msgext_strndup(arena, text, len);
}

const char *
msgext_xml_attribute(MsgArena *arena, const MsgXml *node, const char *name)
{
	const MsgXmlAttribute *attribute = node != NULL ? node->attributes : NULL;

	while (attribute != NULL && strcmp(attribute->name, name) != 0)
		attribute = attribute->next;
	return attribute != NULL ? trim(arena, attribute->value) : NULL;
}

const char *
msgext_xml_text(MsgArena *arena, const MsgXml *node)
{
	return node != NULL && node->first == NULL ? trim(arena, node->text) : NULL;
}

/* XML 1.0, 2.2: no control characters but three, and not the two non-characters. */
bool
msgext_xml_can_carry(const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end)
	{
		unsigned char c = (unsigned char) *text;
		size_t bytes = msgext_utf8_char(text, end);

		if (bytes == 0 || (c < 0x20 && !is_space(*text)))
			return false;
		if (bytes == 3 && memcmp(text, "\xEF\xBF", 2) == 0 &&
			(unsigned char) text[2] >= 0xBE)
			return false;
		text += bytes;
	}
	return true;
}

/*
 * A reader turns a bare CR into LF, and in an attribute every white space into a blank:
 * those are written as references (XML 1.0, 2.11 and 3.3.3).
 */
static void
put_escaped(MsgBuf *buf, const char *text, size_t len, bool attribute)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		switch (text[i])
		{
			case '&':
				msgext_buf_puts(buf, "&amp;");
				break;
			case '<':
				msgext_buf_puts(buf, "&lt;");
				break;
			case '>':
				msgext_buf_puts(buf, "&gt;");
				break;
			case '"':
				msgext_buf_puts(buf, "&quot;");
				break;
			case '\'':
				msgext_buf_puts(buf, "&apos;");
				break;
			case '\r':
				msgext_buf_puts(buf, "&#13;");
				break;
			case '\t':
			case '\n':
				if (attribute)
				{
					msgext_buf_puts(buf, text[i] == '\t' ? "&#9;" : "&#10;");
					break;
				}
				/* FALLTHROUGH */
			default:
				msgext_buf_putc(buf, text[i]);
		}
	}
}

void
msgext_xml_put_attribute(MsgBuf *buf, const char *name, const char *value)
{
	msgext_buf_printf(buf, " %s=\"", name);
	put_escaped(buf, value, strlen(value), true);
	msgext_buf_putc(buf, '"');
}

void
msgext_xml_put_element(MsgBuf *buf, const char *name, const char *text, size_t len)
{
	msgext_buf_printf(buf, "<%s>", name);
	put_escaped(buf, text, len, false);
	msgext_buf_printf(buf, "</%s>", name);
}
