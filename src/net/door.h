/*
 * door.h
 *		Which path of a request leads to which server: /<server>/<token>.
 *
 * Holds copies of the tokens, malloc'ed and wiped when they are given up.
 */
#ifndef MSGEXT_DOOR_H
#define MSGEXT_DOOR_H

/* Server and token together, in bytes. */
#define MSG_DOOR_MAX 1024

/* A token that opens the way to a server. */
typedef struct MsgDoor
{
	const char *server;
	const char *token;
} MsgDoor;

typedef struct MsgDoors MsgDoors;

/*
 * NULL when there is no memory. *lost becomes how many could not be taken for that or
 * for their length.
 */
extern MsgDoors *msgext_doors_create(const MsgDoor *doors, int n, int *lost);
extern void msgext_doors_free(MsgDoors *doors);

/* The server that a path, percent-encoded, opens, or NULL. doors may be NULL: none. */
extern const char *msgext_doors_find(const MsgDoors *doors, const char *path);

#endif /* MSGEXT_DOOR_H */
