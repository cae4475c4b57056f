/* test_sequence.c: cases of the sequence operators without bodies. */
#include "opcase.h"

#define ABC "seq(f32) [ f32[1] 1 ; f32[2] 2 3 ; f32[] 4 ]"

static const struct qn_op_case cases[] = {
    { "SequenceEmpty", 11, "", .in = { NULL }, OUT("seq(f32) [ ]") },
    { "SequenceEmpty", 11, "dtype=7", .in = { NULL }, OUT("seq(i64) [ ]") },
    { "SequenceConstruct", 11, "", IN("f32[1] 1", "f32[2] 2 3", "f32[] 4"), OUT(ABC) },
    { "SequenceConstruct", 11, "", IN("str[1] 'a'"), OUT("seq(str) [ str[1] 'a' ]") },
    { "SequenceConstruct", 11, "", IN("f32[1] 1", "i64[1] 1"), FAILS(SHAPE, "where float32 is expected") },
    { "SequenceAt", 11, "", IN(ABC, "i64[] 1"), OUT("f32[2] 2 3") },
    { "SequenceAt", 11, "", IN(ABC, "i32[] -1"), OUT("f32[] 4") },
    { "SequenceAt", 11, "", IN(ABC, "i64[] 3"), FAILS(RANGE, "position 3 is outside a sequence of 3") },
    { "SequenceAt", 11, "", IN(ABC, "i64[] -4"), FAILS(RANGE, "position -4") },
    { "SequenceInsert", 11, "", IN(ABC, "f32[1] 9"), OUT("seq(f32) [ f32[1] 1 ; f32[2] 2 3 ; f32[] 4 ; f32[1] 9 ]") },
    { "SequenceInsert", 11, "", IN(ABC, "f32[1] 9", "i64[] 0"), OUT("seq(f32) [ f32[1] 9 ; f32[1] 1 ; f32[2] 2 3 ; f32[] 4 ]") },
    { "SequenceInsert", 11, "", IN(ABC, "f32[1] 9", "i64[] 3"), OUT("seq(f32) [ f32[1] 1 ; f32[2] 2 3 ; f32[] 4 ; f32[1] 9 ]") },
    { "SequenceInsert", 11, "", IN(ABC, "f32[1] 9", "i64[] -1"), OUT("seq(f32) [ f32[1] 1 ; f32[2] 2 3 ; f32[1] 9 ; f32[] 4 ]") },
    { "SequenceInsert", 11, "", IN(ABC, "f32[1] 9", "i64[] 4"), FAILS(RANGE, "position 4") },
    { "SequenceInsert", 11, "", IN(ABC, "i64[1] 9"), FAILS(SHAPE, "float32 is expected") },
    { "SequenceErase", 11, "", IN(ABC), OUT("seq(f32) [ f32[1] 1 ; f32[2] 2 3 ]") },
    { "SequenceErase", 11, "", IN(ABC, "i64[] 0"), OUT("seq(f32) [ f32[2] 2 3 ; f32[] 4 ]") },
    { "SequenceErase", 11, "", IN("seq(f32) [ ]"), FAILS(RANGE, "nothing can be erased") },
    { "SequenceLength", 11, "", IN(ABC), OUT("i64[] 3") },
    { "SequenceLength", 11, "", IN("seq(i64) [ ]"), OUT("i64[] 0") },
    { "SequenceLength", 11, "", IN("f32[1] 1"), FAILS(SHAPE, "kind") },
    { "SplitToSequence", 11, "", IN("f32[2,1] 1 2"), OUT("seq(f32) [ f32[1,1] 1 ; f32[1,1] 2 ]") },
    { "SplitToSequence", 11, "keepdims=0", IN("f32[2,1] 1 2"), OUT("seq(f32) [ f32[1] 1 ; f32[1] 2 ]") },
    { "SplitToSequence", 11, "axis=-1", IN("i64[2,3] 1 2 3 4 5 6", "i64[] 2"), OUT("seq(i64) [ i64[2,2] 1 2 4 5 ; i64[2,1] 3 6 ]") },
    { "SplitToSequence", 24, "axis=1", IN("i64[1,3] 1 2 3", "i64[2] 1 2"), OUT("seq(i64) [ i64[1,1] 1 ; i64[1,2] 2 3 ]") },
    { "SplitToSequence", 11, "", IN("f32[3] 1 2 3", "i64[2] 1 1"), FAILS(RANGE, "add up to 2, not 3") },
    { "SplitToSequence", 11, "", IN("f32[3] 1 2 3", "i64[2] 4 -1"), FAILS(RANGE, "do not add up") },
    { "SplitToSequence", 11, "", IN("f32[3] 1 2 3", "i64[] 0"), FAILS(RANGE, "must be positive") },
    { "SplitToSequence", 11, "axis=1", IN("f32[3] 1 2 3"), FAILS(SHAPE, "axis 1 is outside") },
    { "ConcatFromSequence", 11, "axis=0", IN("seq(f32) [ f32[1] 1 ; f32[2] 2 3 ]"), OUT("f32[3] 1 2 3") },
    { "ConcatFromSequence", 11, "axis=-1", IN("seq(i64) [ i64[2,1] 1 2 ; i64[2,1] 3 4 ]"), OUT("i64[2,2] 1 3 2 4") },
    { "ConcatFromSequence", 11, "axis=0 new_axis=1", IN("seq(f32) [ f32[2] 1 2 ; f32[2] 3 4 ]"), OUT("f32[2,2] 1 2 3 4") },
    { "ConcatFromSequence", 11, "axis=-1 new_axis=1", IN("seq(f32) [ f32[2] 1 2 ; f32[2] 3 4 ]"), OUT("f32[2,2] 1 3 2 4") },
    { "ConcatFromSequence", 11, "axis=0", IN("seq(f32) [ ]"), FAILS(SHAPE, "empty sequence") },
    { "ConcatFromSequence", 11, "axis=0 new_axis=1", IN("seq(f32) [ f32[2] 1 2 ; f32[1] 3 ]"), FAILS(SHAPE, "dimension 0 of element 1 is 1") },
    { "ConcatFromSequence", 11, "axis=2", IN("seq(f32) [ f32[2] 1 2 ]"), FAILS(SHAPE, "axis 2 is outside") },
    { "ConcatFromSequence", 11, "", IN("seq(f32) [ f32[2] 1 2 ]"), FAILS(FORMAT, "required attribute 'axis'") },
};

QN_OP_CASES_MAIN(cases)
