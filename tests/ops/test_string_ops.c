/* test_string_ops.c: cases of StringConcat and StringSplit. */
#include "opcase.h"

#define CONCAT "StringConcat", 20, ""
#define SPLIT  "StringSplit", 20

static const struct qn_op_case cases[] = {
    {CONCAT, IN("str[2] 'ab' ''", "str[2] 'c' ''"), OUT("str[2] 'abc' ''")},
    {CONCAT, IN("str[2,1] 'a' 'b'", "str[3] 'x' '' '\u00fc'"), OUT("str[2,3] 'ax' 'a' 'a\u00fc' 'bx' 'b' 'b\u00fc'")},
    {CONCAT, IN("str[] 'a'", "str[] 'b'"), OUT("str[] 'ab'")},
    {CONCAT, IN("str[] 'a'", "str[0,2]"), OUT("str[0,2]")},
    {CONCAT, IN("str[2] 'a' 'b'", "str[3] 'a' 'b' 'c'"), FAILS(SHAPE, "do not broadcast")},
    {CONCAT, IN("i64[1] 1", "str[1] 'a'"), FAILS(SHAPE, "cannot be int64")},
    {SPLIT, "delimiter='.'", IN("str[3] 'a.b.c' '' '.'"),
     OUT("str[3,3] 'a' 'b' 'c' '' '' '' '' '' ''", "i64[3] 3 1 2")},
    {SPLIT, "delimiter='aa'", IN("str[2] 'aaaa' 'baaac'"), OUT("str[2,3] '' '' '' 'b' 'ac' ''", "i64[2] 3 2")},
    {SPLIT, "delimiter='.' maxsplit=1", IN("str[2] 'a.b.c' 'd'"), OUT("str[2,2] 'a' 'b.c' 'd' ''", "i64[2] 2 1")},
    {SPLIT, "delimiter='.' maxsplit=0", IN("str[1] 'a.b'"), OUT("str[1,1] 'a.b'", "i64[1] 1")},
    {SPLIT, "", IN("str[3] '  x  y z ' '' 'a\tb\nc'"),
     OUT("str[3,3] 'x' 'y' 'z' '' '' '' 'a' 'b' 'c'", "i64[3] 3 0 3")},
    {SPLIT, "delimiter='' maxsplit=-1", IN("str[1] '\u00a0a\u3000\u2003\u00e9\xc2\x85\x1f\xc2z\u202f'"),
     OUT("str[1,3] 'a' '\u00e9' '\xc2z'", "i64[1] 3")},
    {SPLIT, "maxsplit=1", IN("str[2] '  x  y  z \u2028 ' 'a b'"), OUT("str[2,2] 'x' 'y  z' 'a' 'b'", "i64[2] 2 2")},
    {SPLIT, "maxsplit=0", IN("str[2] '  x y ' ' '"), OUT("str[2,1] 'x y' ''", "i64[2] 1 0")},
    {SPLIT, "", IN("str[2] '' ' '"), OUT("str[2,0]", "i64[2] 0 0")},
    {SPLIT, "", IN("str[] 'a b'"), OUT("str[2] 'a' 'b'", "i64[] 2")},
    {SPLIT, "", IN("str[0,3]"), OUT("str[0,3,0]", "i64[0,3]")},
    {SPLIT, "", IN("str[1,2] 'a b' 'c'"), OUT("str[1,2,2] 'a' 'b' 'c' ''", "i64[1,2] 2 1")},
    {SPLIT, "", IN("str[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] 'a'"), OUT("-", "-"), FAILS(LIMIT, "more than 16 dimensions")},
};

QN_OP_CASES_MAIN(cases)
