/*
 * script.c
 *		The language of the rules and the choice of the one that acts.
 *
 * One rule a line: <provider|*> <op|*> <selector> <action> [arguments]. A
 * script is taken whole or not at all. Never touches a connection.
 */
#define _GNU_SOURCE /* memmem */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "provider.h"
#include "script.h"

typedef enum Selector
{
	SELECT_NEXT,
	SELECT_EVERY,
	SELECT_ALWAYS
} Selector;

typedef struct Rule
{
	struct Rule *next;
	char *provider; /* NULL = any */
	char *op;		/* NULL = any */
	char *match;	/* NULL = any body */
	Selector selector;
	long count; /* left of NEXT, period of EVERY */
	long seen;
	Fault fault;
} Rule;

typedef enum ArgumentShape
{
	ARGS_NONE,
	ARGS_NUMBER,
	ARGS_STATUS,   /* CODE [retry-after SECONDS] [echo WORD] [body TEXT] */
	ARGS_RUNNING,  /* SECONDS [CODE] */
	ARGS_CODE,	   /* CODE */
	ARGS_CODE_TEXT /* CODE DESCRIPTION */
} ArgumentShape;

static const struct
{
	const char *name;
	FaultKind kind;
	ArgumentShape shape;
	long min;
	long max;
} actions[] = {{"drop-before", FAULT_DROP_BEFORE, ARGS_NONE, 0, 0},
			   {"drop-after", FAULT_DROP_AFTER, ARGS_NONE, 0, 0},
			   {"reset-mid-body", FAULT_RESET_MID_BODY, ARGS_NONE, 0, 0},
			   {"delay", FAULT_DELAY, ARGS_NUMBER, 0, 86400000},
			   {"drip", FAULT_DRIP, ARGS_NUMBER, 1, 86400000},
			   {"status", FAULT_STATUS, ARGS_STATUS, 200, 599},
			   {"taken-status", FAULT_TAKEN_STATUS, ARGS_NUMBER, 200, 599},
			   {"retry-after", FAULT_RETRY_AFTER, ARGS_RUNNING, 200, 599},
			   {"html", FAULT_HTML, ARGS_NONE, 0, 0},
			   {"taken-html", FAULT_TAKEN_HTML, ARGS_NONE, 0, 0},
			   {"garbage", FAULT_GARBAGE, ARGS_NUMBER, 1, 1 << 30},
			   {"taken-garbage", FAULT_TAKEN_GARBAGE, ARGS_NUMBER, 1, 1 << 30},
			   {"huge", FAULT_HUGE, ARGS_NUMBER, 1, 1 << 20},
			   {"empty", FAULT_EMPTY, ARGS_NONE, 0, 0},
			   {"code", FAULT_CODE, ARGS_CODE_TEXT, 0, 0},
			   {"inner", FAULT_INNER, ARGS_CODE, 0, 0},
			   {"hang", FAULT_HANG, ARGS_NONE, 0, 0},
			   {"trailing-comma", FAULT_TRAILING_COMMA, ARGS_NONE, 0, 0},
			   {"taken-half", FAULT_TAKEN_HALF, ARGS_NONE, 0, 0},
			   {"odd", FAULT_ODD, ARGS_CODE, 0, 0},
			   {"missing", FAULT_MISSING, ARGS_NONE, 0, 0}};

static Rule *rules;

static char *
must_copy(const char *text)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	if (text != NULL && copy == NULL)
		die("out of memory");
	return copy;
}

void
fault_free(Fault *fault)
{
	free(fault->echo);
	free(fault->text);
	free(fault->description);
	memset(fault, 0, sizeof(*fault));
}

static void
rules_free(Rule *rule)
{
	while (rule != NULL)
	{
		Rule *next = rule->next;

		free(rule->provider);
		free(rule->op);
		free(rule->match);
		fault_free(&rule->fault);
		free(rule);
		rule = next;
	}
}

void
script_clear(void)
{
	rules_free(rules);
	rules = NULL;
}

/*
 * The next word of the line, "in quotes" if it has blanks; NULL at the end.
 * The line is cut in place.
 */
static char *
next_word(char **line)
{
	char *at = *line + strspn(*line, " \t");
	char *word = at;

	if (*at == '\0')
		return NULL;
	if (*at == '"')
	{
		char *from = ++at;
		char *to = at;

		word = from;
		while (*from != '\0' && *from != '"')
		{
			if (from[0] == '\\' && (from[1] == '"' || from[1] == '\\'))
				from++;
			*to++ = *from++;
		}
		at = *from == '"' ? from + 1 : from;
		*to = '\0';
	}
	else
	{
		at += strcspn(at, " \t");
		if (*at != '\0')
			*at++ = '\0';
	}
	*line = at;
	return word;
}

static bool
read_number(const char *word, long min, long max, long *number)
{
	char *end;

	if (word == NULL || *word < '0' || *word > '9')
		return false;
	errno = 0;
	*number = strtol(word, &end, 10);
	return errno == 0 && *end == '\0' && *number >= min && *number <= max;
}

static bool
known_provider(const char *name)
{
	int i;

	for (i = 0; providers[i] != NULL; i++)
	{
		if (strcmp(providers[i]->name, name) == 0)
			return true;
	}
	return false;
}

/* A part of what a request does, and no request: rules for any operation leave it. */
static bool
is_part(const char *name)
{
	int i;

	for (i = 0; providers[i] != NULL; i++)
	{
		if (providers[i]->part != NULL && strcmp(providers[i]->part, name) == 0)
			return true;
	}
	return false;
}

static bool
known_op(const char *name)
{
	int i;
	const Route *route;

	for (i = 0; providers[i] != NULL; i++)
	{
		for (route = providers[i]->routes; route->method != NULL; route++)
		{
			if (strcmp(route->op, name) == 0)
				return true;
		}
	}
	return is_part(name);
}

static bool
has_word(const char *const *words, const char *word)
{
	while (words != NULL && *words != NULL && strcmp(*words, word) != 0)
		words++;
	return words != NULL && *words != NULL;
}

/* What the action means is known to each provider that the rule is for. */
static const char *
check_action(const Rule *rule, const char *action)
{
	bool odd = rule->fault.kind == FAULT_ODD;
	bool part = rule->op != NULL && is_part(rule->op);
	int i;

	for (i = 0; providers[i] != NULL; i++)
	{
		if (rule->provider != NULL && strcmp(providers[i]->name, rule->provider) != 0)
			continue;
		if (odd && !has_word(providers[i]->oddities, rule->fault.text))
			return "the provider knows no such oddity";
		if (part && providers[i]->part != NULL &&
			strcmp(providers[i]->part, rule->op) == 0 &&
			!has_word(providers[i]->part_actions, action))
			return "the action is for whole requests only";
	}
	return rule->fault.kind == FAULT_MISSING && !part
			   ? "the action is for a part of a request only"
			   : NULL;
}

static const char *
parse_selector(Rule *rule, char **line, char **action)
{
	char *word = next_word(line);

	if (word != NULL && strcmp(word, "match") == 0)
	{
		word = next_word(line);
		if (word == NULL || *word == '\0')
			return "match needs a text";
		rule->match = must_copy(word);
		word = next_word(line);
	}
	rule->selector = SELECT_ALWAYS;
	if (word != NULL && (strcmp(word, "next") == 0 || strcmp(word, "every") == 0))
	{
		rule->selector = word[0] == 'n' ? SELECT_NEXT : SELECT_EVERY;
		if (!read_number(next_word(line), 1, 1000000000, &rule->count))
			return "next and every need a number from 1";
		word = next_word(line);
	}
	else if (word != NULL && strcmp(word, "always") == 0)
		word = next_word(line);
	else if (rule->match == NULL)
		return "the selector must be next N, every K, always or match TEXT";
	*action = word;
	return NULL;
}

static const char *
parse_status(Fault *fault, char **line)
{
	char *word;

	while ((word = next_word(line)) != NULL)
	{
		if (strcmp(word, "retry-after") == 0)
		{
			if (!read_number(next_word(line), 0, 1000000, &fault->retry_after))
				return "retry-after needs a number of seconds";
		}
		else if (strcmp(word, "echo") == 0)
		{
			if ((word = next_word(line)) == NULL)
				return "echo needs a word";
			fault->echo = must_copy(word);
		}
		else if (strcmp(word, "body") == 0)
		{
			fault->text = must_copy(*line + strspn(*line, " \t"));
			*line += strlen(*line);
		}
		else
			return "after a status only retry-after, echo and body may follow";
	}
	return NULL;
}

/* Seconds and perhaps a status; 204 is what the provider's newer pages name. */
static const char *
parse_running(Fault *fault, char **line, long min, long max)
{
	char *word;

	if (!read_number(next_word(line), 0, 1000000, &fault->retry_after))
		return "retry-after needs a number of seconds";
	fault->number = 204;
	word = next_word(line);
	if (word != NULL && !read_number(word, min, max, &fault->number))
		return "after the seconds only a status may follow";
	return next_word(line) == NULL ? NULL : "too many arguments";
}

static const char *
parse_action(Fault *fault, const char *name, char **line)
{
	size_t i;
	char *word;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
	{
		if (name != NULL && strcmp(actions[i].name, name) == 0)
			break;
	}
	if (i == sizeof(actions) / sizeof(actions[0]))
		return "unknown action";
	fault->kind = actions[i].kind;
	fault->retry_after = -1;

	if (actions[i].shape == ARGS_NUMBER || actions[i].shape == ARGS_STATUS)
	{
		if (!read_number(next_word(line), actions[i].min, actions[i].max, &fault->number))
			return "the action needs a number in its range";
	}
	if (actions[i].shape == ARGS_STATUS)
		return parse_status(fault, line);
	if (actions[i].shape == ARGS_RUNNING)
		return parse_running(fault, line, actions[i].min, actions[i].max);
	if (actions[i].shape == ARGS_CODE || actions[i].shape == ARGS_CODE_TEXT)
	{
		word = next_word(line);
		if (word == NULL)
			return "the action needs a code";
		fault->text = must_copy(word);
	}
	if (actions[i].shape == ARGS_CODE_TEXT)
	{
		fault->description = must_copy(*line + strspn(*line, " \t"));
		return NULL;
	}
	return next_word(line) == NULL ? NULL : "too many arguments";
}

static const char *
parse_rule(Rule *rule, char *line)
{
	char *action = NULL;
	char *word = next_word(&line);
	const char *problem;

	if (strcmp(word, "*") != 0)
	{
		if (!known_provider(word))
			return "unknown provider";
		rule->provider = must_copy(word);
	}
	word = next_word(&line);
	if (word == NULL || (strcmp(word, "*") != 0 && !known_op(word)))
		return "unknown operation";
	if (strcmp(word, "*") != 0)
		rule->op = must_copy(word);
	problem = parse_selector(rule, &line, &action);
	if (problem == NULL)
		problem = parse_action(&rule->fault, action, &line);
	if (problem == NULL)
		problem = check_action(rule, action);
	return problem;
}

/*
 * Appends the rules of the text to those in force. An empty text, or a line
 * "clear", removes all rules before it.
 */
bool
script_add(const char *text, size_t len, Buf *message)
{
	char *copy = must_alloc(len + 1);
	char *line = copy;
	Rule *first = NULL;
	Rule **last = &first;
	bool clear = strspn(text, " \t\r\n") == len;
	int number = 0;

	memcpy(copy, text, len);
	while (line != NULL && *line != '\0')
	{
		char *next = strchr(line, '\n');
		char *start;
		const char *problem;

		if (next != NULL)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		number++;
		start = line + strspn(line, " \t");
		line = next;
		if (*start == '\0' || *start == '#')
			continue;
		if (strncmp(start, "clear", 5) == 0 &&
			start[5 + strspn(start + 5, " \t")] == '\0')
		{
			clear = true;
			rules_free(first);
			first = NULL;
			last = &first;
			continue;
		}
		*last = must_alloc(sizeof(Rule));
		problem = parse_rule(*last, start);
		if (problem != NULL)
		{
			buf_printf(message, "line %d: %s\n", number, problem);
			rules_free(first);
			free(copy);
			return false;
		}
		last = &(*last)->next;
	}
	free(copy);

	if (clear)
		script_clear();
	for (last = &rules; *last != NULL; last = &(*last)->next)
		;
	*last = first;
	return true;
}

static bool
rule_applies(const Rule *rule, const char *provider, const char *op)
{
	if (rule->selector == SELECT_NEXT && rule->count == 0)
		return false;
	if (rule->provider != NULL && strcmp(rule->provider, provider) != 0)
		return false;
	return rule->op == NULL ? !is_part(op) : strcmp(rule->op, op) == 0;
}

/*
 * Whether the choice has to wait for the body. If not it is made when the
 * headers have come, which is what lets drop-before leave the body unread.
 */
bool
script_needs_body(const char *provider, const char *op)
{
	const Rule *rule;

	for (rule = rules; rule != NULL; rule = rule->next)
	{
		if (rule->match != NULL && rule_applies(rule, provider, op))
			return true;
	}
	return false;
}

/*
 * Finds and uses up the rule for this request, or for a part of one; fault_free() the
 * result.
 */
bool
script_pick(const char *provider, const char *op, const char *body, size_t body_len,
			Fault *fault)
{
	Rule *rule;

	for (rule = rules; rule != NULL; rule = rule->next)
	{
		if (!rule_applies(rule, provider, op))
			continue;
		if (rule->match != NULL && (body == NULL || memmem(body, body_len, rule->match,
														   strlen(rule->match)) == NULL))
			continue;
		if (rule->selector == SELECT_EVERY && ++rule->seen % rule->count != 0)
			continue;
		if (rule->selector == SELECT_NEXT)
			rule->count--;
		*fault = rule->fault;
		fault->echo = must_copy(rule->fault.echo);
		fault->text = must_copy(rule->fault.text);
		fault->description = must_copy(rule->fault.description);
		return true;
	}
	return false;
}
