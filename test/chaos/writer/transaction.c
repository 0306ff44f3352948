/*
 * transaction.c
 *		Transactions that queue messages, and their end in the ledger: see writer.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "writer.h"

int number;
long count;
char last_id[32] = "1";
char *recent[16];
char tags[MAX_BATCH][TAG_SIZE];
int tag_count;
long long begun;

void
tell_all(char what)
{
	int i;

	for (i = 0; i < tag_count; i++)
		enter("%c %s", what, tags[i]);
	tag_count = 0;
}

Result
begin(void)
{
	tag_count = 0;
	begun = now_ms();
	return run("BEGIN");
}

Result
end_transaction(bool commit)
{
	Result result = run(commit ? "COMMIT" : "ROLLBACK");

	if (!commit)
		tell_all('R');
	else if (result == LOST)
		tell_all('U');
	else
		tell_all(result == DONE && strcmp(answer, "COMMIT") == 0 ? 'C' : 'R');
	return result;
}

void
give_up(void)
{
	tell_all('R');
	(void) run("ROLLBACK");
}

Result
post(const char *more)
{
	unsigned n = random_below(10);
	const char *server = n < 4 ? "vk" : n < 6 ? "vkp" : "edna";
	char *tag = tags[tag_count];
	Result result;

	snprintf(tag, sizeof(tags[0]), "t%d.%ld", number, ++count);
	tag_count++;
	enter("I %s %s", server, tag);
	if (strcmp(server, "edna") == 0)
		result = run("SELECT msgext.post_message('edna', '{\"address\": \"79990000001\", "
					 "\"content\": \"%s\"}', priority => %u%s)",
					 tag, 1 + random_below(5), more);
	else
		result = run(
			"SELECT msgext.send_vk('%s', '{\"subject\": \"AO\", \"priority\": \"high\", "
			"\"routes\": [\"vk\"], \"validityPeriod\": 180, \"phone\": \"79990000001\", "
			"\"templateId\": 1, \"templateData\": {\"tag\": \"%s\"}}', "
			"priority => %u%s)",
			server, tag, 1 + random_below(5), more);
	if (result == DONE)
	{
		snprintf(last_id, sizeof(last_id), "%s", answer);
		n = random_below(16);
		free(recent[n]);
		recent[n] = strdup(last_id);
	}
	return result;
}

Result
post_many(unsigned most)
{
	unsigned n = 1 + random_below(most);
	Result result = DONE;

	while (n-- > 0 && result == DONE && tag_count < MAX_BATCH)
		result = post("");
	return result;
}
