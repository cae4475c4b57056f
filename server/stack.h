/* stack.h: calling a function on a stack of its own, on the same thread. The HTTP library's threads have small stacks,
 * and hundreds of them with large ones would be waste; a model's plan with nested bodies needs far more, and as many
 * stacks as runs at a time are few. */
#ifndef QN_SERVER_STACK_H
#define QN_SERVER_STACK_H

#include <stddef.h>

/* Enough for loading a model and for planning and running its deepest nest of bodies. Pages are taken as they are used.
 */
enum { QN_STACK_BYTES = 16 << 20 };

struct qn_stack;

/* NULL: out of memory. A page that cannot be touched lies below. */
struct qn_stack *qn_stack_create(size_t n_bytes);
void qn_stack_destroy(struct qn_stack *stack);
/* Returns when fn has. One call at a time on a stack; fn must not leave in any other way. */
void qn_stack_call(struct qn_stack *stack, void (*fn)(void *arg), void *arg);

#endif
