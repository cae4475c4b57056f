/* test_reverse_sequence.c: cases of ReverseSequence. */
#include "opcase.h"

#define TO_16 "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"

static const struct qn_op_case cases[] = {
    {"ReverseSequence", 10, "time_axis=1 batch_axis=0", IN("f32[4,4] " TO_16, "i64[4] 1 2 3 4"),
     OUT("f32[4,4] 0 1 2 3 5 4 6 7 10 9 8 11 15 14 13 12")},
    {"ReverseSequence", 10, "", IN("i16[4,4] " TO_16, "i64[4] 4 3 2 1"),
     OUT("i16[4,4] 12 9 6 3 8 5 2 7 4 1 10 11 0 13 14 15")},
    {"ReverseSequence", 10, "", IN("f64[3,1,2] 1 2 3 4 5 6", "i64[1] 2"), OUT("f64[3,1,2] 3 4 1 2 5 6")},
    {"ReverseSequence", 10, "", IN("str[2,1] 'a' 'b'", "i64[1] 2"), OUT("str[2,1] 'b' 'a'")},
    {"ReverseSequence", 10, "", IN("f16[2,2] 1 2 3 4", "i64[2] 0 2"), OUT("f16[2,2] 1 4 3 2")},
    {"ReverseSequence", 10, "", IN("f32[0,2]", "i64[2] 0 0"), OUT("f32[0,2]")},
    {"ReverseSequence", 10, "", IN("f32[2,2] 1 2 3 4", "i64[2] 3 1"),
     FAILS(RANGE, "sequence_lens[0] is 3, outside 0..2")},
    {"ReverseSequence", 10, "", IN("f32[2,2] 1 2 3 4", "i64[2] 1 -1"), FAILS(RANGE, "sequence_lens[1] is -1")},
    {"ReverseSequence", 10, "", IN("f32[2,2] 1 2 3 4", "i64[3] 1 1 1"), FAILS(SHAPE, "sequence_lens of shape [3]")},
    {"ReverseSequence", 10, "", IN("f32[2] 1 2", "i64[2] 1 1"), FAILS(SHAPE, "not of rank 1")},
    {"ReverseSequence", 10, "time_axis=1", IN("f32[1,1] 1", "i64[1] 1"), FAILS(FORMAT, "must be 0 and 1, not 1 and 1")},
};

QN_OP_CASES_MAIN(cases)
