/*
 * firing.c
 *		What a template makes of one changed row: see firing.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "pg/base/clock.h"
#include "pg/base/datum_json.h"
#include "pg/base/text.h"
#include "pg/trigger/firing.h"

static const MsgJson *
text_json(MsgArena *arena, const char *text)
{
	const char *utf8 = msgext_to_utf8(text);

	return msgext_json_string(arena, utf8, strlen(utf8));
}

static const MsgJson *
fact(MsgFiring *firing, const char *name)
{
	MsgRowEvent *event = firing->event;

	switch (name[0])
	{
		case 's':
			msgext_row_event_name(event);
			return text_json(firing->arena, event->schema);
		case 'o':
			return text_json(firing->arena, event->operation);
		case 'u':
			return text_json(firing->arena, GetUserNameFromId(event->user, false));
		default:
			if (strcmp(name, "table") == 0)
			{
				msgext_row_event_name(event);
				return text_json(firing->arena, event->name);
			}
			return msgext_datum_json(firing->arena, TimestampTzGetDatum(msgext_clock()),
									 TIMESTAMPTZOID, firing->recipe->zone, false);
	}
}

static const MsgJson *
meta_value(MsgFiring *firing, const char *name)
{
	static const char *const names[] = {"table", "schema", "operation", "time", "user"};
	MsgJson *all;
	int i;

	if (name != NULL)
		return fact(firing, name);
	all = msgext_json_new(firing->arena, MSG_JSON_OBJECT);
	for (i = 0; i < lengthof(names); i++)
	{
		MsgJson *member = msgext_json_new(firing->arena, MSG_JSON_NULL);

		*member = *fact(firing, names[i]);
		msgext_json_set(all, names[i], member);
	}
	return all;
}

static const MsgJson *
looked_up_value(MsgFiring *firing, int index)
{
	if (firing->looked_up == NULL)
	{
		firing->looked_up = msgext_alloc0(
			firing->arena, sizeof(MsgJson *) * (size_t) firing->recipe->plan->nwanted);
		msgext_lookup_run(firing->recipe, firing->binding->lookup, firing->event,
						  firing->arena, firing->looked_up);
	}
	return firing->looked_up[index];
}

/* For msgext_rendering_begin(). */
static const MsgJson *
value_of(void *source, int index)
{
	MsgFiring *firing = source;
	const MsgRecipe *recipe = firing->recipe;
	const MsgWanted *wanted = &recipe->plan->wanted[index];
	TupleTableSlot *slot;

	if (wanted->scope == MSG_SCOPE_META)
		return meta_value(firing, wanted->column);
	if (wanted->scope == MSG_SCOPE_REF)
		return looked_up_value(firing, index);
	slot = wanted->scope == MSG_SCOPE_NEW ? firing->event->new : firing->event->old;
	if (slot == NULL)
		return NULL;
	return wanted->column == NULL
			   ? msgext_row_json(firing->arena, slot, recipe->zone, NULL)
			   : msgext_slot_json(firing->arena, slot, firing->binding->columns[index],
								  recipe->zone, wanted->bytes);
}

/* The path of skip_when_null that is null. False: see *error. */
static bool
find_null(MsgFiring *firing, MsgRendering *rendering)
{
	const MsgRecipe *recipe = firing->recipe;
	int i;

	for (i = 0; i < recipe->nskip && firing->skipped == NULL; i++)
	{
		const MsgJson *value =
			msgext_template_render_text(rendering, recipe->skip[i], &firing->error);

		if (value == NULL)
			return false;
		if (value->type == MSG_JSON_NULL)
			firing->skipped = recipe->skip_paths[i];
	}
	return true;
}

/* A text; *rendered is NULL where it is null or empty. False: see *error. */
static bool
render_text(MsgFiring *firing, MsgRendering *rendering, const MsgTemplateText *text,
			const char *part, const char **rendered)
{
	const MsgJson *value = msgext_template_render_text(rendering, text, &firing->error);

	*rendered = NULL;
	if (value == NULL)
		return false;
	if (value->type == MSG_JSON_NULL || value->len == 0)
		return true;
	if (value->len > MSG_OPERATION_ID_MAX || strlen(value->text) != value->len)
		return msgext_error(&firing->error, "", part,
							"has more than %d bytes, or a NUL in it",
							MSG_OPERATION_ID_MAX);
	*rendered = msgext_from_utf8(value->text);
	return true;
}

static bool
render_quiet_zone(MsgFiring *firing, MsgRendering *rendering)
{
	const MsgRecipe *recipe = firing->recipe;
	const char *name = NULL;

	if (recipe->quiet_zone != NULL &&
		!render_text(firing, rendering, recipe->quiet_zone, "quiet_hours", &name))
		return false;
	firing->quiet_zone = name != NULL ? msgext_zone_find(name) : recipe->zone;
	return firing->quiet_zone != NULL ||
		   msgext_error(&firing->error, "", "quiet_hours",
						"names a time zone that is not known");
}

/*
 * Of one that stands for others: the first of them was queued at since, or is this one (0).
 * Most templates have nothing to do with time, and the clock is not free.
 */
static void
set_times(MsgFiring *firing, TimestampTz since)
{
	const MsgRecipe *recipe = firing->recipe;
	TimestampTz now;
	TimestampTz at;

	firing->send_after = 0;
	firing->expires_at = 0;
	if (recipe->debounce_us == 0 && !recipe->has_quiet && recipe->expires_us == 0)
		return;
	now = msgext_clock();
	at = now + recipe->debounce_us;
	if (recipe->max_wait_us > 0)
		at = Max(now, Min(at, (since != 0 ? since : now) + recipe->max_wait_us));
	if (recipe->has_quiet)
		at = msgext_quiet_hours_end(&recipe->quiet, at, firing->quiet_zone);
	if (at > now)
		firing->send_after = at;
	if (recipe->expires_us > 0)
		firing->expires_at = at + recipe->expires_us;
}

static bool
render(MsgFiring *firing)
{
	const MsgRecipe *recipe = firing->recipe;
	MsgRendering rendering;

	msgext_rendering_begin(&rendering, recipe->plan, firing->arena, value_of, firing);
	if (!find_null(firing, &rendering))
		return false;
	if (firing->skipped != NULL)
		return true;
	if (recipe->operation_id != NULL &&
		!render_text(firing, &rendering, recipe->operation_id, "operation_id",
					 &firing->operation_id))
		return false;
	if (!render_quiet_zone(firing, &rendering))
		return false;
	set_times(firing, 0);
	firing->message = msgext_template_render(&rendering, recipe->message, &firing->error);
	return firing->message != NULL;
}

void
msgext_firing_render(MsgFiring *firing)
{
	firing->valid = render(firing);
	if (firing->message == NULL)
		firing->message = msgext_json_new(firing->arena, MSG_JSON_OBJECT);
}

/* As a caller gives them. */
static void
give_times(MsgPost *post, const MsgFiring *firing)
{
	post->send_after = msgext_clock_to_give(firing->send_after);
	post->expires_at = msgext_clock_to_give(firing->expires_at);
}

/* For MsgPost, of a debounced message. */
static void
give_times_again(MsgPost *post, void *arg)
{
	MsgFiring *firing = arg;

	set_times(firing, post->waits_since);
	give_times(post, firing);
}

void
msgext_firing_post(MsgFiring *firing, MsgPost *post)
{
	const MsgRecipe *recipe = firing->recipe;

	memset(post, 0, sizeof(*post));
	post->server = msgext_server_get(recipe->server);
	if (post->server == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("the server of template \"%s\" is not a msgext server",
							   recipe->name)));
	post->arena = firing->arena;
	post->payload.message = firing->message;
	post->operation_id = firing->operation_id;
	post->priority = recipe->priority;
	give_times(post, firing);
	post->on_conflict =
		recipe->debounce_us > 0 ? MSG_CONFLICT_DEBOUNCE : recipe->on_conflict;
	post->set_times = give_times_again;
	post->set_times_arg = firing;
	post->hides_operation_id = !has_privs_of_role(firing->event->user, recipe->owner);
	post->on_invalid = recipe->on_invalid;
	if (!firing->valid)
		post->error = firing->error;
	post->template = recipe->name;
	post->template_version = recipe->version;
}
