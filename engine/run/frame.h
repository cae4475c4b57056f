/* frame.h: the working memory of one graph being run: its buffers, the values and calls of its plan's steps, memory for
 * what only the run knows, and frames of bodies. One thread at a time. A frame is bound to one plan; other shapes bind
 * it anew, keeping the memory. Steady runs of one set of shapes touch no heap. */
#ifndef QN_RUN_FRAME_H
#define QN_RUN_FRAME_H

#include "plan/plan.h"

/* What all frames of one context share. */
struct qn_run {
    struct qn_pool *pool;
    const struct qn_control *control; /* of the current run; NULL */
    uint64_t random;
    size_t max_memory;
    bool reference;
    int depth;
};

struct qn_body_frames;

struct qn_frame {
    struct qn_run *run;
    struct qn_program *program;
    struct qn_plan *plan; /* referenced; NULL before the first run */
    unsigned char *buffers;
    size_t n_buffer_bytes;
    struct qn_arena bound;   /* arrays below: live as long as the binding */
    struct qn_arena dynamic; /* values whose shape only the run knew: until the next run */
    struct qn_arena scratch; /* one step */
    struct qn_value *values; /* per variable id */
    struct qn_call *calls;   /* per step */
    struct qn_services services;
    /* Values that lie in memory of an input: set before every run. */
    struct qn_input_patch {
        uint32_t id;
        int input;
        bool whole; /* the input itself; else a view of it: only the memory */
    } * patches;
    size_t n_patches;
    struct qn_body_frames *bodies;
};

/* A frame for a program; takes no memory yet. */
void qn_frame_init(struct qn_frame *frame, struct qn_run *run, struct qn_program *program);
void qn_frame_deinit(struct qn_frame *frame);
/* Runs the program. inputs: formal inputs, then captures; outs: one per graph output, views into the frame, its inputs
 * or constants. */
enum qn_status qn_frame_run(struct qn_frame *frame, const struct qn_value *const *inputs, struct qn_value *outs,
                            struct qn_err *err);
/* Bytes of buffers held, bodies included. */
size_t qn_frame_bytes(const struct qn_frame *frame);
/* Makes the plan for these facts and the buffers, so that the first run finds them. */
enum qn_status qn_frame_prepare(struct qn_frame *frame, const struct qn_fact *inputs, struct qn_err *err);

#endif
