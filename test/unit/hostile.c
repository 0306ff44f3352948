/*
 * hostile.c
 *		Bodies that are made to take a reader long: see hostile.h.
 */
#include "hostile.h"

#include <string.h>

/* 64 attributes of one letter each. */
#define ATTRIBUTES                                                                       \
	" a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' n='' o='' p=''"   \
	" q='' r='' s='' t='' u='' v='' w='' x='' y='' z='' A='' B='' C='' D='' E='' F=''"   \
	" G='' H='' I='' J='' K='' L='' M='' N='' O='' P='' Q='' R='' S='' T='' U='' V=''"   \
	" W='' X='' Y='' Z='' _='' aa='' ab='' ac='' ad='' ae='' af='' ag='' ah='' ai=''"

const HostileBody hostile_xml[] = {
	{"attributes of one tag", "<a", " a%d=''", "/>"},
	{"namespaces of one tag", "<a", " xmlns:a%d='u'", "/>"},
	{"tags that declare namespaces", "", "<a xmlns:a%d='u' xmlns:b%d='u'>", ""},
	{"tags with as many attributes as may be", "<a>", "<b" ATTRIBUTES "/>", "</a>"},
	{"attributes without a namespace", "<a>", "<b p%d:a='' q%d:a='' r%d:a=''/>", "</a>"},
	{"elements without a namespace", "<a>", "<c:b/>", "</a>"},
	{"entities behind an element", "<a><b/>", "&amp;", "</a>"},
	{"texts between comments", "<a>", "x<!---->", "</a>"},
	{"texts between CDATA", "<a>", "x<![CDATA[x]]>", "</a>"},
	{"complaints", "<a>", "<", ""},
	{"open values", "<a>", "<b c=\"", ""},
	{"unknown entities", "<a>", "&x;", ""},
	{"one value", "<a b='", "&lt;", "'/>"},
	{"names", "<a>", "<b%d/>", "</a>"},
	{"ids", "<a>", "<b xml:id='a%d'/>", "</a>"},
	{"one message many times",
	 "<provideOutMessageDlvStatusResponse><payload><code>ok</code><outMessageList>",
	 "<outMessage providerId='103'><code>ok</code><outMessageDlvStatus><dlvStatus>sent"
	 "</dlvStatus></outMessageDlvStatus></outMessage>",
	 "</outMessageList></payload></provideOutMessageDlvStatusResponse>"},
	{"many messages",
	 "<consumeOutMessageResponse><payload><code>ok</code><outMessageList>",
	 "<outMessage clientId='%d' providerId='%d'><code>ok</code></outMessage>",
	 "</outMessageList></payload></consumeOutMessageResponse>"},
	{"one answer many times",
	 "<consumeOutMessageResponse><payload><code>ok</code><outMessageList>",
	 "<outMessage clientId='3' providerId='3'><code>ok</code></outMessage>",
	 "</outMessageList></payload></consumeOutMessageResponse>"},
	{NULL, NULL, NULL, NULL}};

const HostileBody hostile_json[] = {
	{"members", "{\"a\": 0", ", \"a%d\": 0", "}"},
	{"the same member", "{\"code\": \"ok\"", ", \"code\": \"ok\"", "}"},
	{"elements", "[0", ",{\"id\": %d, \"status\": \"sent\"}", "]"},
	{"one long number", "[1", "0", "]"},
	{"one long text", "\"", "\\u0430", "\""},
	{"half characters", "\"", "\\ud800", "\""},
	{"white space", "[", " ", "]"},
	{"open lists", "", "[", ""},
	{"open objects", "", "{\"a\":", ""},
	{"segments of an SMS",
	 "{\"code\":\"ok\",\"result\":{\"code\":\"ok\",\"smsStates\":[0",
	 ",{\"id\":%d,\"status\":\"sent\"}", "]}}"},
	{"callbacks", "[0", ",{\"messageId\":\"%d\",\"status\":\"sent\"}", "]"},
	{"results of targets", "{\"d\":{\"results\":{\"__id\":\"103\",\"Result\":[0",
	 ",{\"To\":\"https://cell%d.example.com/\",\"Code\":\"503\"}", "]}}}"},
	{"results of targets of one length",
	 "{\"d\":{\"results\":{\"__id\":\"103\",\"Result\":[0",
	 ",{\"To\":\"https://a.test/\",\"Code\":\"503\"}", "]}}}"},
	{"targets", "{\"Body\":\"x\",\"To\":\"https://a.test/",
	 ",https://cell%d.example.com/", "\"}"},
	{"requests", "{\"Type\":\"request\",\"RequestObjects\":[{}",
	 ",{\"RequestType\":\"rule.add\",\"Action\":\"a\",\"x%d\":\"\"}", "]}"},
	{"routes", "{\"vk\":{\"routes\":[\"vk\"", ",\"ok\"", "]}}"},
	{"template data", "{\"vk\":{\"templateData\":{\"a\":\"\"", ",\"a%d\":\"\"", "}}}"},
	{NULL, NULL, NULL, NULL}};

const HostileBody hostile_pb[] = {
	{"fields", "", "\010\001", ""},
	{"known fields that nobody wants", "", "\040\001", ""},
	{"an id again and again", "", "\012\001a", ""},
	{"fields of a high number", "", "\370\377\377\377\017\001", ""},
	{"elements of a list", "", "\042\004\022\002id", ""},
	{"elements with documents", "", "\042\012\010\001\022\002id\112\002\010\001", ""},
	{"empty lists", "", "\042\000", ""},
	{"groups", "", "\013\014", ""},
	{"one group", "\013", "\020\001", "\014"},
	{"open groups", "", "\013", ""},
	{"numbers without an end", "", "\377", ""},
	{"a web page", "<html><title>", "<title>", ""},
	{NULL, NULL, NULL, NULL}};

MsgBuf
hostile_text(MsgArena *arena, const HostileBody *body, size_t size)
{
	size_t tail = strlen(body->tail);
	size_t unit_len = strlen(body->unit);
	int number = 0;
	MsgBuf text;

	/* An empty list has a NUL in it. */
	if (strcmp(body->unit, "\042") == 0)
		unit_len = 2;
	msgext_buf_init(&text, arena, size + 1);
	msgext_buf_puts(&text, body->head);
	while (text.len + tail + unit_len + 64 < size)
	{
		const char *at = body->unit;
		const char *mark;

		for (; (mark = strstr(at, "%d")) != NULL; at = mark + 2)
		{
			msgext_buf_append(&text, at, (size_t) (mark - at));
			msgext_buf_printf(&text, "%d", number);
		}
		msgext_buf_append(&text, at, unit_len - (size_t) (at - body->unit));
		number++;
	}
	msgext_buf_puts(&text, body->tail);
	return text;
}
