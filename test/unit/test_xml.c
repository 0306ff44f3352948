/*
 * test_xml.c
 *		The XML reader: what it takes, what it refuses, where elements stand, and that
 *		nothing of a DTD is ever looked at. The writer: what it writes is read back.
 */
#include "test.h"

#include <libxml/xmlerror.h>
#include <stdio.h>
#include <string.h>

#include "core/xml.h"

static MsgError error;

static const MsgXml *
parse(const char *text)
{
	memset(&error, 0, sizeof(error));
	return msgext_xml_parse(test_arena, text, strlen(text), &msgext_xml_usual, &error);
}

static void
refused(const char *text, const char *why)
{
	const MsgXml *node = parse(text);

	if (node != NULL)
		test_fail(__FILE__, __LINE__, "taken: %s", text);
	else if (strstr(error.text, why) == NULL)
		test_fail(__FILE__, __LINE__, "refused for \"%s\", not \"%s\": %s", error.text,
				  why, text);
}

/* The element's place in the text. */
static const char *
span(const char *text, const MsgXml *node)
{
	return node == NULL
			   ? NULL
			   : msgext_strndup(test_arena, text + node->start, node->end - node->start);
}

static void
test_tree(void)
{
	static const char text[] =
		"\xEF\xBB\xBF<?xml version='1.0' encoding='Utf-8' standalone=\"no\"?>\n"
		"<!-- <a> --><?x <b> ?><root a='1>2' b=\"'/>\">x<!-- <c/> --> &lt;<![CDATA[<y>]]>"
		"<c/>&#1103;<d e = 'f\n&#10;g' ><c>1</c></d\n>z</root > <!-- --> ";
	const MsgXml *root = parse(text);
	const MsgXml *d = msgext_xml_child(root, "d");

	test_begin("xml: tree");
	CHECK(msgext_xml_is(root, "root") && root->count == 2);
	CHECK_TEXT(root != NULL ? root->text : NULL, "x <<y>\xD1\x8Fz");
	CHECK_TEXT(msgext_xml_attribute(test_arena, root, "a"), "1>2");
	CHECK_TEXT(msgext_xml_attribute(test_arena, root, "b"), "'/>");
	CHECK_TEXT(msgext_xml_attribute(test_arena, root, "c"), NULL);
	CHECK_TEXT(msgext_xml_attribute(test_arena, d, "e"), "f \ng");
	CHECK_TEXT(msgext_xml_text(test_arena, msgext_xml_child(d, "c")), "1");
	CHECK_TEXT(msgext_xml_text(test_arena, msgext_xml_child(root, "c")), NULL);
	CHECK_TEXT(msgext_xml_text(test_arena, root), NULL);
	CHECK(msgext_xml_find(root, "c") == msgext_xml_child(root, "c"));
	CHECK(msgext_xml_find(d, "c") != NULL && msgext_xml_find(root, "C") == NULL);
	CHECK(msgext_xml_child(NULL, "c") == NULL && msgext_xml_find(NULL, "c") == NULL);
	CHECK_TEXT(span(text, msgext_xml_child(root, "c")), "<c/>");
	CHECK_TEXT(span(text, d), "<d e = 'f\n&#10;g' ><c>1</c></d\n>");
	CHECK_TEXT(span(text, msgext_xml_child(d, "c")), "<c>1</c>");
	CHECK(root != NULL && strncmp(text + root->start, "<root ", 6) == 0);
	CHECK(root != NULL && strcmp(text + root->end, " <!-- --> ") == 0);
	test_end();
}

static void
test_names(void)
{
	const MsgXml *root;

	test_begin("xml: names are as they are written");
	root = parse("<r xmlns='urn:a' xmlns:p='urn:b'><p:a p:b='1' b='2'/><q:a/><a/></r>");
	CHECK(root != NULL && root->count == 3);
	CHECK(root != NULL && msgext_xml_child(root, "a") == root->last);
	CHECK(msgext_xml_child(root, "q:a") != NULL);
	CHECK_TEXT(msgext_xml_attribute(test_arena, msgext_xml_child(root, "p:a"), "b"), "2");
	CHECK_TEXT(msgext_xml_attribute(test_arena, msgext_xml_child(root, "p:a"), "p:b"),
			   "1");
	test_end();
}

static void
test_refusals(void)
{
	test_begin("xml: what is not well formed");
	refused("", "empty");
	refused("\xEF\xBB\xBF", "empty");
	refused(" ", "");
	refused("x", "line 1");
	refused("<a>", "line 1");
	refused("\n\n<a></b>", "line 3");
	refused("<consumeA></consumea>", "mismatch");
	refused("<a/><b/>", "line 1");
	refused("<a/>x", "line 1");
	refused("<a b='1' b='2'/>", "line 1");
	refused("<a b='<'/>", "line 1");
	refused("<a b=1/>", "line 1");
	refused("<a>&nbsp;</a>", "nbsp");
	refused("<a b='&x;'/>", "line 1");
	refused("<a>&#0;</a>", "line 1");
	refused("<a>&#xFFFE;</a>", "line 1");
	refused("<a>\x01</a>", "line 1");
	refused("<a>]]></a>", "");
	refused(" <?xml version='1.0'?><a/>", "line 1");
	refused("<a>\xC3</a>", "UTF-8");
	refused("<a>\xED\xA0\x80</a>", "UTF-8");
	CHECK(msgext_xml_parse(test_arena, "<a>\0</a>", 8, &msgext_xml_usual, &error) ==
		  NULL);
	CHECK(msgext_xml_parse(test_arena, "<\0a\0/\0>\0", 8, &msgext_xml_usual, &error) ==
		  NULL);
	test_end();

	test_begin("xml: no DTD, whatever it holds");
	refused("<!DOCTYPE a><a/>", "DOCTYPE");
	refused("<?xml version='1.0'?> <!DOCTYPE a [<!ELEMENT a ANY>]><a/>", "DOCTYPE");
	refused("<!DOCTYPE a [<!ATTLIST a id CDATA 'x'>]><a/>", "DOCTYPE");
	refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "DOCTYPE");
	refused("<!DOCTYPE a PUBLIC 'x' 'http://127.0.0.1:1/'><a/>", "DOCTYPE");
	refused("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
			"DOCTYPE");
	refused("<!DOCTYPE a [<!ENTITY % b SYSTEM 'file:///etc/passwd'>%b;]><a/>", "DOCTYPE");
	refused("<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;&b;&b;'>]><a>&c;</a>",
			"DOCTYPE");
	refused("<!DOCTYPE", "DOCTYPE");
	test_end();
}

static void
test_encodings(void)
{
	test_begin("xml: encodings");
	CHECK(parse("<?xml version='1.0' encoding='windows-1251'?><a>x</a>") != NULL);
	CHECK(parse("<?xml version='1.0' encoding=\"KOI8-R\"?><a>x</a>") != NULL);
	CHECK(parse("<?xml version='1.0' encoding='utf8'?><a>\xD1\x8F</a>") != NULL);
	CHECK(parse("<a>encoding='UTF-16'</a>") != NULL);
	refused("<?xml version='1.0' encoding='windows-1251'?><a>\xFF</a>", "other than");
	refused("<?xml version='1.0' encoding='windows-1251'?><a>\xD1\x8F</a>", "other than");
	refused("<?xml version='1.0' encoding='us-ascii'?><a>\xD1\x8F</a>", "other than");
	refused("<?xml version='1.0' encoding='UTF-16'?><a/>", "encoding");
	refused("<?xml version='1.0' encoding='UTF-7'?><a>+ADw-</a>", "encoding");
	refused("\xFE\xFF\x00<", "UTF-8");
	test_end();
}

/* An element that has depth - 1 others around it. */
static const char *
nested(int depth)
{
	MsgBuf text;
	int i;

	msgext_buf_init(&text, test_arena, 1024);
	for (i = 0; i < depth; i++)
		msgext_buf_puts(&text, "<a>");
	for (i = 0; i < depth; i++)
		msgext_buf_puts(&text, "</a>");
	return text.data;
}

static void
test_limits(void)
{
	static const MsgXmlLimits small = {.size = 64, .depth = 3, .nodes = 5};
	MsgBuf many;
	int i;

	test_begin("xml: limits");
	CHECK(parse(nested(32)) != NULL);
	refused(nested(33), "deeply");
	refused(nested(5000), "deeply");
	CHECK(msgext_xml_parse(test_arena, "<a b='' c=''><d/><d/></a>", 25, &small, &error) !=
		  NULL);
	CHECK(msgext_xml_parse(test_arena, "<a b='' c=''><d/><d e=''/></a>", 30, &small,
						   &error) == NULL);
	CHECK(strstr(error.text, "too many") != NULL);
	CHECK(msgext_xml_parse(test_arena, nested(10), 65, &small, &error) == NULL);
	CHECK(strstr(error.text, "too long") != NULL && error.offset == 64);

	msgext_buf_init(&many, test_arena, 512 * 1024);
	msgext_buf_puts(&many, "<a>");
	for (i = 0; i < 100000; i++)
		msgext_buf_puts(&many, "<b/>");
	msgext_buf_puts(&many, "</a>");
	refused(many.data, "too many");
	test_end();
}

static void
test_writing(void)
{
	static const char text[] = "a&b<c>d\"e'f\rg\nh\ti]]>&amp; \xF0\x9F\x98\x80 z";
	const MsgXml *root;
	MsgBuf out;

	test_begin("xml: writing");
	msgext_buf_init(&out, test_arena, 16);
	msgext_buf_puts(&out, "<r");
	msgext_xml_put_attribute(&out, "a", text);
	msgext_buf_puts(&out, ">");
	msgext_xml_put_element(&out, "b", text, strlen(text));
	msgext_buf_puts(&out, "</r>");
	root = parse(out.data);
	CHECK_TEXT(msgext_xml_attribute(test_arena, root, "a"), text);
	CHECK_TEXT(msgext_xml_text(test_arena, msgext_xml_child(root, "b")), text);
	CHECK(strpbrk(out.data + strlen("<r a=\""), "\r") == NULL);

	CHECK(msgext_xml_can_carry(text, strlen(text)) && msgext_xml_can_carry("", 0));
	CHECK(msgext_xml_can_carry("\xEF\xBF\xBD\x7F\xF4\x8F\xBF\xBF", 8));
	CHECK(!msgext_xml_can_carry("\0", 1) && !msgext_xml_can_carry("\x1F", 1));
	CHECK(!msgext_xml_can_carry("\xEF\xBF\xBE", 3));
	CHECK(!msgext_xml_can_carry("\xEF\xBF\xBF", 3));
	CHECK(!msgext_xml_can_carry("\xED\xA0\x80", 3) && !msgext_xml_can_carry("\xC3", 1));
	test_end();
}

static int foreign_calls;

#if LIBXML_VERSION >= 21200
typedef const xmlError *XmlComplaint;
#else
typedef xmlErrorPtr XmlComplaint;
#endif

static void
foreign_handler(void *context, XmlComplaint what)
{
	(void) context, (void) what;
	foreign_calls++;
}

/* The server has handlers of its own, which must neither be called nor replaced. */
static void
test_handlers(void)
{
	test_begin("xml: libxml2's global handlers are left alone");
	foreign_calls = 0;
	xmlSetStructuredErrorFunc(&foreign_calls, foreign_handler);
	refused("<a></b>", "mismatch");
	refused("<!DOCTYPE a><a/>", "DOCTYPE");
	refused("<p:a p:b='1' p:b='2'/>", "");
	CHECK(parse("<p:a/>") != NULL);
	CHECK_INT(foreign_calls, 0);
	CHECK(xmlStructuredError == foreign_handler &&
		  xmlStructuredErrorContext == &foreign_calls);
	xmlSetStructuredErrorFunc(NULL, NULL);
	test_end();
}

void
test_xml(void)
{
	test_tree();
	test_names();
	test_refusals();
	test_encodings();
	test_limits();
	test_writing();
	test_handlers();
}
