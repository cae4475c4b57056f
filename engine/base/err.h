/* err.h: how functions fail. A fallible function returns enum qn_status and fills a caller-owned struct qn_err (NULL is
 * fine). The leaf gives one short reason; import and executor add node and operator once, with qn_err_at(). */
#ifndef QN_BASE_ERR_H
#define QN_BASE_ERR_H

#include "quern.h"

#if defined(__GNUC__)
#define QN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define QN_PRINTF(fmt, args)
#endif

/* Writes status and text; returns status, so that `return qn_err_set(...)` reads well. Control characters and invalid
 * UTF-8 that came with an argument are replaced by '?'. */
enum qn_status qn_err_set(struct qn_err *err, enum qn_status status, const char *format, ...) QN_PRINTF(3, 4);

/* Names the node an error happened in, unless an inner one is named already. Returns status. */
enum qn_status qn_err_at(struct qn_err *err, enum qn_status status, const char *node, const char *op);

/* Forwards a failure. */
#define QN_TRY(expression)                                                                                             \
    do {                                                                                                               \
        enum qn_status qn_try_status = (expression);                                                                   \
        if (qn_try_status != QN_OK)                                                                                    \
            return qn_try_status;                                                                                      \
    } while (0)

/* Sets the error and returns: QN_FAIL(err, SHAPE, "axis %d is outside a tensor of rank %d", axis, rank). */
#define QN_FAIL(err, status, ...) return qn_err_set(err, QN_##status, __VA_ARGS__)

/* Fails unless the condition holds. */
#define QN_CHECK(condition, err, status, ...)                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            QN_FAIL(err, status, __VA_ARGS__);                                                                         \
    } while (0)

/* Fails with NOMEM when an allocation gave NULL. */
#define QN_CHECK_MEM(pointer, err) QN_CHECK((pointer) != NULL, err, NOMEM, "out of memory")

#endif
