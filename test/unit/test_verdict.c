/*
 * test_verdict.c
 *		What a bare HTTP status or a failure of transport means.
 */
#include "test.h"

#include "core/lengthof.h"
#include "core/verdict.h"

void
test_verdict(void)
{
	static const struct
	{
		int status;
		MsgVerdict verdict;
	} rows[] = {{200, MSG_VERDICT_UNSURE},	 {204, MSG_VERDICT_UNSURE},
				{301, MSG_VERDICT_PAUSE},	 {302, MSG_VERDICT_UNSURE},
				{303, MSG_VERDICT_UNSURE},	 {307, MSG_VERDICT_PAUSE},
				{308, MSG_VERDICT_PAUSE},	 {400, MSG_VERDICT_REJECTED},
				{401, MSG_VERDICT_RELOGIN},	 {402, MSG_VERDICT_PAUSE},
				{403, MSG_VERDICT_PAUSE},	 {404, MSG_VERDICT_PAUSE},
				{405, MSG_VERDICT_PAUSE},	 {407, MSG_VERDICT_PAUSE},
				{408, MSG_VERDICT_UNSURE},	 {409, MSG_VERDICT_REJECTED},
				{410, MSG_VERDICT_PAUSE},	 {413, MSG_VERDICT_REJECTED},
				{415, MSG_VERDICT_REJECTED}, {421, MSG_VERDICT_RETRY},
				{422, MSG_VERDICT_REJECTED}, {425, MSG_VERDICT_RETRY},
				{429, MSG_VERDICT_RETRY},	 {499, MSG_VERDICT_REJECTED},
				{500, MSG_VERDICT_UNSURE},	 {502, MSG_VERDICT_UNSURE},
				{503, MSG_VERDICT_RETRY},	 {504, MSG_VERDICT_UNSURE},
				{599, MSG_VERDICT_UNSURE},	 {0, MSG_VERDICT_UNSURE}};
	size_t i;
	int status;

	test_begin("verdict: HTTP statuses");
	for (i = 0; i < lengthof(rows); i++)
	{
		if (msgext_verdict_http(rows[i].status) != rows[i].verdict)
			test_fail(__FILE__, __LINE__, "%d is %s", rows[i].status,
					  msgext_verdict_name(msgext_verdict_http(rows[i].status)));
	}
	test_end();

	test_begin("verdict: no bare status accepts a message");
	for (status = -1; status < 1000; status++)
		CHECK(msgext_verdict_http(status) != MSG_VERDICT_ACCEPTED &&
			  msgext_verdict_http(status) != MSG_VERDICT_PROGRESS);
	test_end();

	test_begin("verdict: transport");
	CHECK_INT(msgext_verdict_transport(MSG_TRANSPORT_NEVER_LEFT), MSG_VERDICT_RETRY);
	CHECK_INT(msgext_verdict_transport(MSG_TRANSPORT_CUT), MSG_VERDICT_UNSURE);
	test_end();
}
