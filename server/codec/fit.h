/* fit.h: which tensor of a model's input a JSON array means. Users write what is natural to them: nested by the shape,
 * flat, one example without its batch dim, a list of examples; a model has fixed, unknown and batch dims. All rules
 * stand here. */
#ifndef QN_CODEC_FIT_H
#define QN_CODEC_FIT_H

#include "server/codec/json_tensor.h"

/* The array is the whole input. In this order: nested exactly by the shape (an empty array shows the dims up to the
 * first zero only); nested without the first dim, when that is unknown or 1; a flat list of the shape's elements, where
 * one unknown dim follows from the count, and an unknown first dim is 1 when others are unknown too; one value, for a
 * shape of one element. SHAPE with the expected and the received. */
enum qn_status qn_fit_whole(const struct qn_io *io, const struct qn_json_tensor *array, struct qn_tensor *tensor,
                            struct qn_err *err);

/* The array is a list of examples. *turns says that the model takes one at a time: tensor is then the first, of n. Else
 * tensor holds all of them. An example is nested or flat like a whole input, without the first dim or with 1 there. */
enum qn_status qn_fit_examples(const struct qn_io *io, const struct qn_json_tensor *array, struct qn_tensor *tensor,
                               bool *turns, size_t *n, struct qn_err *err);

/* Elements of the shape when it has no unknown dim, else SIZE_MAX. */
size_t qn_fit_count(const struct qn_io *io);

#endif
