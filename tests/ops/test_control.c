/* test_control.c: cases of If and Loop. */
#include "bodycase.h"

#define F QN_BIT(FLOAT)
#define BODY(name_, ins, outs, text)                                                                                   \
    {                                                                                                                  \
        .name = name_, .domain = "", .in = ins, .out = outs, .body = text                                              \
    }
#define NO_INPUTS QN_FORMALS({NULL, 0, 0, 0})
#define OUT1      QN_FORMALS(QN_OUT("y", 0, F))

static const struct qn_op one = BODY("one", NO_INPUTS, OUT1, "y = Constant<value_float=1.0>();");
static const struct qn_op two = BODY("two", NO_INPUTS, OUT1, "y = Constant<value_float=2.0>();");
static const struct qn_op list =
    BODY("list", NO_INPUTS, OUT1, "a = Constant<value_ints=[3]>(); y = ConstantOfShape(a);");
static const struct qn_op whole = BODY("whole", NO_INPUTS, OUT1, "y = Constant<value_int=2>();");

#define LOOP_IN QN_FORMALS(QN_IN("i", 0, F), QN_IN("c", 0, F), QN_IN("a", 0, F))
/* a = a + a, collected too */
static const struct qn_op doubling =
    BODY("doubling", LOOP_IN, QN_FORMALS(QN_OUT("go", 0, F), QN_OUT("b", 0, F), QN_OUT("s", 0, F)),
         "go = Identity(c); b = Add(a, a); s = Identity(b);");
/* grows by its own length */
static const struct qn_op growing = BODY("growing", LOOP_IN, QN_FORMALS(QN_OUT("go", 0, F), QN_OUT("b", 0, F)),
                                         "go = Identity(c); b = Concat<axis=0>(a, a);");
/* passes its value through untouched, and ends after the second iteration */
static const struct qn_op stopping = BODY("stopping", LOOP_IN, QN_FORMALS(QN_OUT("go", 0, F), QN_OUT("b", 0, F)),
                                          "n = Constant<value_int=1>(); go = Less(i, n); b = Identity(a);");
static const struct qn_op swapping =
    BODY("swapping", QN_FORMALS(QN_IN("i", 0, F), QN_IN("c", 0, F), QN_IN("a", 0, F), QN_IN("b", 0, F)),
         QN_FORMALS(QN_OUT("go", 0, F), QN_OUT("d", 0, F), QN_OUT("e", 0, F)),
         "go = Identity(c); d = Identity(b); k = Constant<value_float=1.0>(); e = Add(a, k);");

#define IF   .op = "If", .body_attrs = {"then_branch", "else_branch"}
#define LOOP .op = "Loop", .body_attrs = {"body"}

static const struct qn_body_case cases[] = {
    {IF, .opset = 1, .bodies = {&one, &two}, IN("bool[] 1"), OUT("f32[] 1")},
    {IF, .opset = 25, .bodies = {&one, &two}, IN("bool[1] 0"), OUT("f32[] 2")},
    {IF, .opset = 16, .bodies = {&one, &list}, IN("bool[] 0"), OUT("f32[3] 0 0 0")},
    {IF, .opset = 13, .bodies = {&one, &whole}, IN("bool[] 0"),
     FAILS(SHAPE, "output 0 is of two types: float32 and int64")},
    {IF, .opset = 13, .bodies = {&one, &two}, IN("bool[2] 0 1"), FAILS(SHAPE, "must be one value, it has 2")},
    {IF, .opset = 13, .bodies = {&one, &two}, IN("f32[] 0"), FAILS(SHAPE, "cannot be float32")},
    {LOOP, .opset = 13, .bodies = {&doubling}, IN("i64[] 3", "-", "f32[2] 1 2"),
     OUT("f32[2] 8 16", "f32[3,2] 2 4 4 8 8 16")},
    {LOOP, .opset = 1, .bodies = {&doubling}, IN("i64[] 0", "bool[] 1", "f32[2] 1 2"), OUT("f32[2] 1 2", "f32[0,2]")},
    {LOOP, .opset = 11, .bodies = {&doubling}, IN("i64[] 5", "bool[] 0", "f32[1] 1"), OUT("f32[1] 1", "f32[0,1]")},
    {LOOP, .opset = 21, .bodies = {&growing}, IN("i64[] 3", "-", "f32[1] 7"), OUT("f32[8] 7 7 7 7 7 7 7 7")},
    {LOOP, .opset = 21, .bodies = {&growing}, IN("i64[] 60", "-", "f32[1] 7"), FAILS(LIMIT, "more than the")},
    {LOOP, .opset = 13, .bodies = {&stopping}, IN("-", "bool[] 1", "f32[2] 4 5"), OUT("f32[2] 4 5")},
    {LOOP, .opset = 13, .bodies = {&swapping}, IN("i64[] 5", "-", "f32[] 0", "f32[] 10"), OUT("f32[] 12", "f32[] 3")},
    {LOOP, .opset = 13, .bodies = {&swapping}, IN("i64[] 5", "-", "f32[] 0"), FAILS(FORMAT, "takes 4 inputs where 3")},
    {LOOP, .opset = 13, .bodies = {&doubling}, IN("i64[2] 5 5", "-", "f32[] 0"),
     FAILS(SHAPE, "trip count must be one")},
};

QN_BODY_CASES_MAIN(cases)
