/*
 * timer.h
 *		What has to happen later: delayed answers, status walks, drips.
 *
 * Everything here belongs to the HTTP thread; a timer runs between two rounds
 * of libmicrohttpd, never inside one.
 */
#ifndef SIMULATOR_TIMER_H
#define SIMULATOR_TIMER_H

#include <stdint.h>

typedef void (*TimerAction)(void *arg);

extern int64_t clock_ns(void);
extern int64_t unix_ms(void);
extern int64_t unix_us(void);

extern void timer_after_ms(int64_t ms, TimerAction action, void *arg);
extern int64_t timer_next_ns(void);
extern void timer_run(void);
extern void timer_drop(TimerAction action);
extern void timer_free(void);

#endif /* SIMULATOR_TIMER_H */
