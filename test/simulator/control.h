/*
 * control.h
 *		The simulator's own endpoints: control, ledger, health.
 */
#ifndef SIMULATOR_CONTROL_H
#define SIMULATOR_CONTROL_H

#include "provider.h"

extern const Route control_routes[]; /* ends with a NULL method */

#endif /* SIMULATOR_CONTROL_H */
