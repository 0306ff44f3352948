/*
 * template_plan.h
 *		What reading a template makes of it, for who renders it: template_read.c and template_render.c alone.
 */
#ifndef MSGEXT_TEMPLATE_PLAN_H
#define MSGEXT_TEMPLATE_PLAN_H

#include "core/template.h"
#include "core/template_filter.h"

#define MSG_PLACE_FILTERS_MAX 8
#define MSG_PLACE_STEPS_MAX 16

/* What stands between braces. */
typedef struct MsgPlace
{
	int wanted;			 /* which value; -1 = the literal text */
	const char *literal; /* of len bytes */
	size_t len;
	const char *written; /* for messages */

	/* Further into the value, if it is JSON. */
	const char *steps[MSG_PLACE_STEPS_MAX];
	int nsteps;

	MsgFilter filters[MSG_PLACE_FILTERS_MAX];
	int nfilters;
} MsgPlace;

/* A run of text, or a place. */
typedef struct MsgPiece
{
	const char *text;
	size_t len;
	const MsgPlace *place;
	struct MsgPiece *next;
} MsgPiece;

struct MsgTemplateText
{
	MsgPiece *first;
	MsgPiece *last;
	const MsgJson *constant; /* the same as a string, where there is no place in it */
};

struct MsgTemplateNode
{
	const MsgJson *source; /* type and name are its own */
	bool constant;		   /* nothing below it is rendered */
	const MsgTemplateText
		*text;	/* of a string, or of {"$": path}, whose one place it is */
	bool typed; /* {"$": path} */
	MsgTemplateNode *first;
	MsgTemplateNode *last;
	MsgTemplateNode *next;
};

#endif /* MSGEXT_TEMPLATE_PLAN_H */
