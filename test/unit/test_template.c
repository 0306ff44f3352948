/*
 * test_template.c
 *		Templates: what can be written in them, and that no value changes the structure
 *		of what is rendered.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/lengthof.h"
#include "core/template.h"

static MsgError error;

/* One row: JSON objects of the scopes, or one value for everything that is asked for. */
typedef struct Row
{
	const MsgTemplate *plan;
	const MsgJson *scopes;
	const MsgJson *everything;
	int asked;
} Row;

static const MsgJson *
give(void *source, int index)
{
	static const char *const names[] = {"new", "old", "ref", "meta"};
	Row *row = source;
	const MsgWanted *wanted = &row->plan->wanted[index];
	const MsgJson *scope;

	row->asked++;
	if (row->everything != NULL)
		return row->everything;
	scope = msgext_json_get(row->scopes, names[wanted->scope]);
	return wanted->column == NULL ? scope : msgext_json_get(scope, wanted->column);
}

static const MsgJson *
parse(const char *text)
{
	const MsgJson *json =
		msgext_json_parse(test_arena, text, strlen(text), &msgext_json_strict, &error);

	if (json == NULL)
		test_fail(__FILE__, __LINE__, "%s: %s", text, error.text);
	return json;
}

static const char *
written(const MsgJson *node)
{
	MsgBuf buf;

	if (node == NULL)
		return error.text;
	msgext_buf_init(&buf, test_arena, 0);
	msgext_json_write(&buf, node);
	return buf.data;
}

/* What a template makes of a row, or why it is none. */
static const char *
render(const char *template, const char *row)
{
	MsgTemplate *plan = msgext_template_create(test_arena);
	const MsgTemplateNode *node = msgext_template_read(plan, parse(template), &error);
	Row source = {.plan = plan, .scopes = parse(row)};
	MsgRendering rendering;

	if (node == NULL)
		return error.text;
	msgext_rendering_begin(&rendering, plan, test_arena, give, &source);
	return written(msgext_template_render(&rendering, node, &error));
}

/* The text of an expression over one value, x. */
static const char *
place(const char *expression, const char *x)
{
	static char template[4096];
	static char row[4096];

	snprintf(template, sizeof(template), "[\"%s\"]", expression);
	snprintf(row, sizeof(row), "{\"new\": {\"x\": %s}}", x);
	return render(template, row);
}

static void
test_places(void)
{
	test_begin("template: places and types");
	CHECK_TEXT(render("{\"a\": \"{{new.x}}\", \"b\": {\"$\": \"new.x\"}}",
					  "{\"new\": {\"x\": 5}}"),
			   "{\"a\":\"5\",\"b\":5}");
	CHECK_TEXT(render("[\"a {{ new.x }} b {{old.x}}{{ref.x}}\", 1, null, {\"c\": []}]",
					  "{\"new\": {\"x\": \"1\"}, \"old\": {\"x\": true}, \"ref\": {}}"),
			   "[\"a 1 b true\",1,null,{\"c\":[]}]");
	CHECK_TEXT(render("{\"$\": \"new\"}", "{\"new\": {\"a\": [1]}}"), "{\"a\":[1]}");
	CHECK_TEXT(render("[{\"$\": \"new.x\"}]", "{}"), "[null]");
	CHECK_TEXT(place("{{new.x}}", "null"), "[\"\"]");
	CHECK_TEXT(place("{{NEW.X}}", "1"), "[\"1\"]");
	CHECK_TEXT(place("{{new.\\\"x\\\"}}", "1"), "[\"1\"]");
	CHECK_TEXT(place("{{new.\\\"X\\\"}}", "1"), "[\"\"]");
	CHECK_TEXT(place("{{new.x.A.1.b}}", "{\"A\": [0, {\"b\": 7}]}"), "[\"7\"]");
	CHECK_TEXT(place("{{new.x.A.9}}{{new.x.a}}{{new.x.A.x}}", "{\"A\": [0]}"), "[\"\"]");
	CHECK_TEXT(place("{{new.x}}", "{\"a\": [1, \"\\\"\"]}"),
			   "[\"{\\\"a\\\":[1,\\\"\\\\\\\"\\\"]}\"]");
	CHECK_TEXT(place("{{'{{'}} {{'it''s'}} }} {", "1"), "[\"{{ it's }} {\"]");
	CHECK_TEXT(render("[{\"$\": \"'5'\"}, {\"$\": \"new.x | default:5\"}]", "{}"),
			   "[\"5\",5]");
	test_end();
}

static void
test_filters(void)
{
	static const char *const day = "\"2026-03-08T09:05:07.123456+03:00\"";

	test_begin("template: filters");
	CHECK_TEXT(place("{{new.x|upper}}", "\"aя ёß ÿ ό ӏ щ\""), "[\"AЯ Ёß Ÿ Ό Ӏ Щ\"]");
	CHECK_TEXT(place("{{new.x|lower}}", "\"AЯ ЁŸΌӀЩ ДОМ İ\""), "[\"aя ёÿόӏщ дом İ\"]");
	CHECK_TEXT(place("{{new.x|lower|upper}}", "\"Ğžąőς\""), "[\"ĞŽĄŐΣ\"]");
	CHECK_TEXT(place("{{new.x|date:DD.MM.YYYY}}", day), "[\"08.03.2026\"]");
	CHECK_TEXT(place("{{new.x|date:YY-MM-DD HH24:MI:SS.MS HH12 AM}}", day),
			   "[\"26-03-08 09:05:07.123 09 AM\"]");
	CHECK_TEXT(place("{{new.x|date:'\\\"at\\\" HH24|MI'}}", day), "[\"at 09|05\"]");
	CHECK_TEXT(place("{{new.x|date:DD.MM}}", "\"2026-12-31\""), "[\"31.12\"]");
	CHECK_TEXT(place("{{new.x|date:DD.MM}}", "null"), "[\"\"]");
	CHECK_TEXT(place("{{new.x|date:DD.MM}}", "\"infinity\""),
			   "is no date or time that can be written so");
	CHECK_TEXT(error.path, "{{new.x|date:DD.MM}}");
	CHECK_TEXT(place("{{new.x|date:DD.MM}}", "\"2026-12-31x\""),
			   "is no date or time that can be written so");
	CHECK_TEXT(place("{{new.x|date:DD.MM}}", "\"0044-03-15 BC\""),
			   "is no date or time that can be written so");
	CHECK_TEXT(place("{{new.x|date:HH24:MI}}", "\"09:05:07.25\""), "[\"09:05\"]");
	CHECK_TEXT(place("{{new.x|date:HH12:MI AM MS}}", "\"21:05:07.25+03\""),
			   "[\"09:05 PM 250\"]");
	CHECK_TEXT(place("{{new.x|date:DD HH24}}", "\"09:05:07\""),
			   "is no date or time that can be written so");
	CHECK_TEXT(place("{{new.x|date:HH24:MI}}", "\"1 day 09:05:07\""),
			   "is no date or time that can be written so");
	CHECK_TEXT(place("{{new.x|date:HH24:MI}}", "\"09:\""),
			   "is no date or time that can be written so");
	CHECK_TEXT(place("{{new.x|default:none}}", "null"), "[\"none\"]");
	CHECK_TEXT(place("{{new.x|default:none}}", "\"\""), "[\"none\"]");
	CHECK_TEXT(place("{{new.x|default:none}}", "0"), "[\"0\"]");
	CHECK_TEXT(place("{{new.x|default:'a|b}}'|upper}}", "null"), "[\"A|B}}\"]");
	CHECK_TEXT(place("{{new.x|truncate:3}}", "\"ЖЖЖЖ\""), "[\"ЖЖЖ\"]");
	CHECK_TEXT(place("{{new.x|truncate:9}}", "\"ЖЖ\""), "[\"ЖЖ\"]");
	CHECK_TEXT(place("{{new.x|base64}}", "\"\\u0000\\u0001\""), "[\"AAE=\"]");
	CHECK_TEXT(place("{{new.x|upper}}", "[\"a\"]"), "[\"[\\\"A\\\"]\"]");
	test_end();
}

static void
test_refused(void)
{
	static const struct
	{
		const char *template;
		const char *text;
		const char *path;
	} bad[] = {
		{"[\"{{\"]", "a name was expected", "[0]"},
		{"{\"a\": {\"b\": \"{{new.x\"}}", "two closing braces were expected", "a.b"},
		{"{\"a\": [1, \"{{new.x}\"]}", "two closing braces were expected", "a[1]"},
		{"{\"a\": [1, \"{{new.x->0}}\"]}",
		 "a path is followed by something that is no filter; into JSON it goes on as in "
		 "new.data.items.0",
		 "a[1]"},
		{"[\"{{x}}\"]", "a path begins with new, old, ref or meta", "[0]"},
		{"[\"{{new.}}\"]", "a name was expected", "[0]"},
		{"[\"{{new.\\\"}}\"]", "a quote is not closed", "[0]"},
		{"[\"{{new.\\\"\\\"}}\"]", "a name is not valid", "[0]"},
		{"[\"{{meta.secret}}\"]", "meta has table, schema, operation, time and user",
		 "[0]"},
		{"[\"{{new.x|uper}}\"]",
		 "there is no filter \"uper\"; there are upper, lower, date, truncate, default "
		 "and "
		 "base64",
		 "[0]"},
		{"[\"{{new.x|date}}\"]", "filter date lacks its argument", "[0]"},
		{"[\"{{new.x|upper:a}}\"]", "filter upper takes no argument", "[0]"},
		{"[\"{{new.x|truncate:0}}\"]", "filter truncate takes a number above 0", "[0]"},
		{"[\"{{new.x|truncate:1x}}\"]", "filter truncate takes a number above 0", "[0]"},
		{"[\"{{new.x|upper|base64}}\"]", "filter base64 must come first", "[0]"},
		{"{\"{{new.x}}\": 1}", "a member's name cannot hold a place", ""},
		{"{\"$\": \"new.x\", \"a\": 1}", "\"$\" must be an object's only member", ""},
		{"{\"$\": 1}", "\"$\" takes a path as a string", ""},
		{"{\"a\": {\"$\": \"{{new.x}}\"}}", "a path stands here without braces", "a"},
	};
	size_t i;

	test_begin("template: what is refused when it is read");
	for (i = 0; i < lengthof(bad); i++)
	{
		memset(&error, 0, sizeof(error));
		CHECK_TEXT(render(bad[i].template, "{}"), bad[i].text);
		CHECK_TEXT(error.path, bad[i].path);
	}
	CHECK(strncmp(place("{{new.x|date:DD Month}}", "null"), "filter date knows", 17) ==
		  0);
	test_end();
}

/* The same types, names and numbers of children, but below what is taken as it is. */
static bool
same_structure(const MsgJson *template, const MsgJson *rendered)
{
	const MsgJson *a;
	const MsgJson *b;

	if (template->type == MSG_JSON_OBJECT && template->count == 1 &&
		msgext_json_is_named(template->first, "$"))
		return true;
	if (template->type != rendered->type || template->count != rendered->count)
		return false;
	if (template->type < MSG_JSON_STRING &&
		strcmp(written(template), written(rendered)) != 0)
		return false;
	for (a = template->first, b = rendered->first; a != NULL; a = a->next, b = b->next)
		if (a->name_len != b->name_len ||
			(a->name != NULL && memcmp(a->name, b->name, a->name_len) != 0) ||
			!same_structure(a, b))
			return false;
	return true;
}

static bool
same_tree(const MsgJson *a, const MsgJson *b)
{
	if (a->type != b->type || a->count != b->count || a->len != b->len ||
		a->truth != b->truth || a->name_len != b->name_len ||
		(a->len > 0 && memcmp(a->text, b->text, a->len) != 0) ||
		(a->name_len > 0 && memcmp(a->name, b->name, a->name_len) != 0))
		return false;
	for (a = a->first, b = b->first; a != NULL; a = a->next, b = b->next)
		if (!same_tree(a, b))
			return false;
	return true;
}

static const char *const shapes[] = {
	"{\"vk\": {\"phone\": \"{{new.p}}\", \"templateData\": {\"a\": "
	"\"{{new.p}}-{{old.q}}\", "
	"\"b\": \"x\"}, \"n\": 1}, \"sms\": {\"text\": \"Order {{new.p}}, "
	"{{ref.r|upper}}\"}}",
	"[\"{{new.p|lower|truncate:7}}\", [\"{{ref.p|default:none}}{{new.p}}\", null, true], "
	"\"'\\\"{{meta.user}}\\\"'\", 1e5]",
	"{\"a\": [{\"$\": \"new.p\"}, \"b\"], \"c\": {\"$\": \"ref.p|default:1\"}, "
	"\"d\": \"{{new.p|base64}}\", \"e\": \"{{new.p.a.0}}\"}",
};

/* Renders every shape with one value for all places. */
static void
check_value(const MsgJson *value)
{
	static const MsgJsonLimits wide = {
		.size = 64 * 1024 * 1024, .depth = 200, .nodes = 1000000};
	size_t i;

	for (i = 0; i < lengthof(shapes); i++)
	{
		MsgTemplate *plan = msgext_template_create(test_arena);
		const MsgJson *template = parse(shapes[i]);
		const MsgTemplateNode *node = msgext_template_read(plan, template, &error);
		Row row = {.plan = plan, .everything = value};
		const MsgJson *rendered;
		MsgRendering rendering;
		MsgBuf buf;

		msgext_rendering_begin(&rendering, plan, test_arena, give, &row);
		rendered = msgext_template_render(&rendering, node, &error);
		CHECK(rendered != NULL);
		if (rendered == NULL)
			return;
		CHECK(row.asked == plan->nwanted);
		CHECK(same_structure(template, rendered));
		msgext_buf_init(&buf, test_arena, 0);
		msgext_json_write(&buf, rendered);
		CHECK(same_tree(rendered,
						msgext_json_parse(test_arena, buf.data, buf.len, &wide, &error)));

		/* What is rendered is not read as a template again: its places are gone for good. */
		if (value->type == MSG_JSON_STRING && i == 0)
		{
			const MsgJson *phone =
				msgext_json_get(msgext_json_get(rendered, "vk"), "phone");

			CHECK(phone->len == value->len &&
				  memcmp(phone->text, value->text, value->len) == 0);
		}
	}
}

static void
test_hostile_values(void)
{
	static const char *const texts[] = {
		"",
		"\"",
		"\\",
		"\\\"",
		"'",
		"}",
		"}}",
		"{{",
		"{{new.p}}",
		"{{ref.secret|upper}}",
		"\"},\"phone\":\"1",
		"\", \"routes\": [",
		"]}{[",
		"{\"$\": \"ref.secret\"}",
		"\\u0000",
		"\\u0022,\\u0022",
		"null",
		"\n\r\t\b\f\x01\x1f\x7f",
		"\xE2\x80\xA8\xE2\x80\xA9",
		"\xF0\x9F\x92\xA9",
		"<!--]]>&lt;%00",
		"${jndi:x}$1%s%n",
	};
	static const char *const json[] = {
		"null",
		"true",
		"0",
		"-1.5e300",
		"123456789012345678901234567890",
		"[]",
		"{}",
		"{\"$\": \"ref.secret\"}",
		"{\"a\": [\"{{new.p}}\", {\"\\\"\": null}]}",
		"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
	};
	static const char pieces[] = "{}\"\\'|:$.,[]ab\n\xD0\xB6 0";
	char *large;
	size_t i;
	int n;

	test_begin("template: no value changes the structure");
	for (i = 0; i < lengthof(texts); i++)
		check_value(msgext_json_string(test_arena, texts[i], strlen(texts[i])));
	for (i = 0; i < lengthof(json); i++)
		check_value(parse(json[i]));
	check_value(msgext_json_string(test_arena, "a\0\"}\0{{", 8));
	for (n = 1; n < 256; n++)
	{
		char byte[3];
		size_t len = 1;

		byte[0] = (char) n;
		if (n >= 0x80)
		{
			byte[0] = (char) (0xC0 | n >> 6);
			byte[1] = (char) (0x80 | (n & 0x3F));
			len = 2;
		}
		check_value(msgext_json_string(test_arena, byte, len));
	}
	large = msgext_alloc(test_arena, 1024 * 1024);
	for (i = 0; i < 1024 * 1024; i++)
		large[i] = "{{\"}\\"[i % 5];
	check_value(msgext_json_string(test_arena, large, 1024 * 1024));

	/* Texts put together at random of what the syntax is made of. */
	srandom(19);
	for (n = 0; n < 2000; n++)
	{
		char text[64];
		size_t len = (size_t) random() % 40;

		for (i = 0; i < len; i++)
		{
			size_t at = (size_t) random() % (sizeof(pieces) - 1);

			if (pieces[at] == '\xB6')
				at--;
			text[i] = pieces[at];
			if (pieces[at] == '\xD0' && i + 1 < sizeof(text))
				text[++i] = '\xB6';
		}
		check_value(msgext_json_string(test_arena, text, i));
	}
	test_end();
}

/* Whatever is written as a template is read or refused, and the error says where. */
static void
test_hostile_templates(void)
{
	static const char *const words[] = {
		"{{", "}}",	 "new", ".x",	   "|",		 "upper", "date", ":",	"'", "\"",
		"$",  "ref", " ",	"default", "base64", "{",	  "}",	  "\\", "9", "\xD0\xB6"};
	int read = 0;
	int n;

	test_begin("template: any text is read or refused");
	srandom(20);
	for (n = 0; n < 20000; n++)
	{
		MsgTemplate *plan = msgext_template_create(test_arena);
		Row row = {.plan = plan, .everything = parse("\"2026-01-01\"")};
		const MsgTemplateText *text;
		MsgRendering rendering;
		char written_text[256] = "";
		int i;

		for (i = (int) (random() % 12); i >= 0; i--)
			strcat(written_text, words[random() % (long) lengthof(words)]);
		error.text[0] = '\0';
		text =
			msgext_template_read_text(plan, written_text, strlen(written_text), &error);
		CHECK((text == NULL) == (error.text[0] != '\0'));
		if (text == NULL)
			continue;
		read++;
		msgext_rendering_begin(&rendering, plan, test_arena, give, &row);
		CHECK(msgext_template_render_text(&rendering, text, &error) != NULL ||
			  error.text[0] != '\0');
	}
	CHECK(read > 1000);
	test_end();
}

static void
test_bounds(void)
{
	MsgTemplate *plan = msgext_template_create(test_arena);
	const MsgJson *template =
		parse("[\"{{new.a}}{{new.a}}{{new.a}}\", {\"$\": \"new.a\"}]");
	const MsgTemplateNode *node = msgext_template_read(plan, template, &error);
	size_t len = MSG_RENDERED_SIZE_MAX / 3;
	char *large = msgext_alloc(test_arena, len);
	Row row = {.plan = plan};
	MsgRendering rendering;
	MsgJson *deep = msgext_json_new(test_arena, MSG_JSON_ARRAY);
	MsgJson *many = msgext_json_new(test_arena, MSG_JSON_ARRAY);
	MsgBuf text;
	int i;

	test_begin("template: what is rendered is bounded");
	memset(large, 'x', len);
	row.everything = msgext_json_string(test_arena, large, len);
	msgext_rendering_begin(&rendering, plan, test_arena, give, &row);
	CHECK(msgext_template_render(&rendering, node, &error) == NULL);
	CHECK_TEXT(error.text, "the rendered message is too large");
	for (i = 0; i < 100000; i++)
	{
		MsgJson *outer = msgext_json_new(test_arena, MSG_JSON_ARRAY);

		msgext_json_append(outer, deep);
		deep = outer;
		msgext_json_append(many, msgext_json_new(test_arena, MSG_JSON_NULL));
	}
	row.everything = deep;
	msgext_rendering_begin(&rendering, plan, test_arena, give, &row);
	CHECK(msgext_template_render(&rendering, node, &error) == NULL);
	CHECK_TEXT(error.text, "values of the message are nested too deeply");
	row.everything = many;
	msgext_rendering_begin(&rendering, plan, test_arena, give, &row);
	CHECK(msgext_template_render(&rendering, node, &error) == NULL);
	CHECK_TEXT(error.text, "the rendered message has too many values");
	msgext_buf_init(&text, test_arena, 0);
	for (i = 0; i < 300; i++)
		msgext_buf_printf(&text, "{{new.c%d}}", i);
	plan = msgext_template_create(test_arena);
	CHECK(msgext_template_read_text(plan, text.data, text.len, &error) == NULL);
	CHECK_TEXT(error.text, "it uses too many values");
	test_end();
}

static void
test_texts(void)
{
	MsgTemplate *plan = msgext_template_create(test_arena);
	const MsgTemplateText *lone = msgext_template_read_text(plan, "{{new.x}}", 9, &error);
	const MsgTemplateText *more =
		msgext_template_read_text(plan, "a-{{new.x}}", 11, &error);
	const MsgTemplateText *constant = msgext_template_read_text(plan, "abc", 3, &error);
	const MsgTemplateText *path = msgext_template_read_path(plan, "new.x", 5, &error);
	Row row = {.plan = plan, .scopes = parse("{}")};
	MsgRendering rendering;

	test_begin("template: texts of null");
	msgext_rendering_begin(&rendering, plan, test_arena, give, &row);
	CHECK_TEXT(written(msgext_template_render_text(&rendering, lone, &error)), "null");
	CHECK_TEXT(written(msgext_template_render_text(&rendering, path, &error)), "null");
	CHECK_TEXT(written(msgext_template_render_text(&rendering, more, &error)), "\"a-\"");
	CHECK_TEXT(written(msgext_template_render_text(&rendering, constant, &error)),
			   "\"abc\"");
	CHECK_INT(row.asked, 1);
	test_end();
}

void
test_template(void)
{
	test_places();
	test_filters();
	test_refused();
	test_texts();
	test_hostile_values();
	test_hostile_templates();
	test_bounds();
}
