/*
 * timer.c
 *		A binary heap of things to do later, ordered by time and then by the
 *		order in which they were asked for.
 *
 * Owns the heap only, never what the arguments point at.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "buf.h"
#include "timer.h"

typedef struct Timer
{
	int64_t due_ns;
	uint64_t order;
	TimerAction action;
	void *arg;
} Timer;

static Timer *heap;
static size_t heap_len;
static size_t heap_cap;
static uint64_t asked;

int64_t
clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
unix_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
unix_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool
timer_before(const Timer *a, const Timer *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns;
	return a->order < b->order;
}

static void
sift_down(size_t at)
{
	Timer moved = heap[at];

	for (;;)
	{
		size_t child = 2 * at + 1;

		if (child >= heap_len)
			break;
		if (child + 1 < heap_len && timer_before(&heap[child + 1], &heap[child]))
			child++;
		if (!timer_before(&heap[child], &moved))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moved;
}

void
timer_after_ms(int64_t ms, TimerAction action, void *arg)
{
	Timer timer = {clock_ns() + ms * 1000000, asked++, action, arg};
	size_t at;

	if (heap_len == heap_cap)
	{
		heap_cap = heap_cap > 0 ? heap_cap * 2 : 1024;
		heap = realloc(heap, heap_cap * sizeof(Timer));
		if (heap == NULL)
			die("out of memory");
	}
	at = heap_len++;
	while (at > 0 && timer_before(&timer, &heap[(at - 1) / 2]))
	{
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = timer;
}

/* Nanoseconds until the next timer is due, 0 if one is, -1 if there is none. */
int64_t
timer_next_ns(void)
{
	int64_t left;

	if (heap_len == 0)
		return -1;
	left = heap[0].due_ns - clock_ns();
	return left > 0 ? left : 0;
}

/*
 * Runs what was due on entry. What these actions ask for anew waits for the
 * next call, so a timer of 0 ms cannot starve the network.
 */
void
timer_run(void)
{
	int64_t now;

	if (heap_len == 0)
		return;
	now = clock_ns();
	while (heap_len > 0 && heap[0].due_ns <= now)
	{
		Timer timer = heap[0];

		heap[0] = heap[--heap_len];
		if (heap_len > 0)
			sift_down(0);
		timer.action(timer.arg);
	}
}

/* Forgets every timer of this action: what it would act upon is about to go. */
void
timer_drop(TimerAction action)
{
	size_t kept = 0;
	size_t i;

	for (i = 0; i < heap_len; i++)
	{
		if (heap[i].action != action)
			heap[kept++] = heap[i];
	}
	heap_len = kept;
	for (i = heap_len / 2; i-- > 0;)
		sift_down(i);
}

void
timer_free(void)
{
	free(heap);
	heap = NULL;
	heap_len = heap_cap = 0;
}
