/* test_string_normalizer.c: cases of StringNormalizer. */
#include "opcase.h"

#define NORMALIZE "StringNormalizer", 10
#define DAYS      "str[4] 'Monday' 'tuesday' 'x' 'TUESDAY'"

static const struct qn_op_case cases[] = {
    {NORMALIZE, "", IN("str[2] 'a' 'B'"), OUT("str[2] 'a' 'B'")},
    {NORMALIZE, "", IN("str[1,2] '' 'B'"), OUT("str[1,2] '' 'B'")},
    {NORMALIZE, "stopwords=['monday','TUESDAY']", IN(DAYS), OUT("str[1] 'x'")},
    {NORMALIZE, "stopwords=['monday','TUESDAY'] case_change_action='UPPER'", IN(DAYS), OUT("str[1] 'X'")},
    {NORMALIZE, "stopwords=['monday','TUESDAY'] is_case_sensitive=1", IN(DAYS), OUT("str[3] 'Monday' 'tuesday' 'x'")},
    {NORMALIZE, "stopwords=['monday'] is_case_sensitive=1 case_change_action='LOWER'", IN(DAYS),
     OUT("str[4] 'monday' 'tuesday' 'x' 'tuesday'")},
    {NORMALIZE, "stopwords=['a']", IN("str[1,2] 'a' 'A'"), OUT("str[1,1] ''")},
    {NORMALIZE, "stopwords=['a']", IN("str[2] 'a b' 'a'"), OUT("str[1] 'a b'")},
    {NORMALIZE, "stopwords=['']", IN("str[2] '' 'a'"), OUT("str[1] 'a'")},
    {NORMALIZE, "", IN("str[0]"), OUT("str[1] ''")},
    {NORMALIZE, "stopwords=['a']", IN("str[1,0]"), OUT("str[1,1] ''")},
    {NORMALIZE, "case_change_action='LOWER'", IN("str[5] 'A\u00c4' '\u03a3' '\u0130I' '\U00010400' '\u2126\u023a'"),
     OUT("str[5] 'a\u00e4' '\u03c3' 'ii' '\U00010428' '\u03c9\u2c65'")},
    {NORMALIZE, "case_change_action='UPPER'", IN("str[5] 'a\u00e4' '\u00df\ufb01' '\u0131i' '\u1fb3' '\u00ff\u0101'"),
     OUT("str[5] 'A\u00c4' '\u00df\ufb01' 'II' '\u1fbc' '\u0178\u0100'")},
    {NORMALIZE, "stopwords=['\u00e0b']", IN("str[2] '\u00c0B' 'x'"), OUT("str[1] 'x'")},
    {NORMALIZE, "locale='C' case_change_action='UPPER'", IN("str[1] 'a\u00e4z'"), OUT("str[1] 'A\u00e4Z'")},
    {NORMALIZE, "locale='en_US.UTF-8' case_change_action='UPPER'", IN("str[1] '\u00e4\xff\xc3'"),
     OUT("str[1] '\u00c4\xff\xc3'")},
    {NORMALIZE, "locale='tr_TR'", IN("str[1] 'i'"), OUT("str[1] 'i'")},
    {NORMALIZE, "locale='tr_TR' case_change_action='UPPER'", IN("str[1] 'i'"),
     FAILS(UNSUPPORTED, "the case of letters in locale 'tr_TR' is not known")},
    {NORMALIZE, "locale='tr_TR' stopwords=['i']", IN("str[1] 'i'"), FAILS(UNSUPPORTED, "locale 'tr_TR'")},
    {NORMALIZE, "case_change_action='TITLE'", IN("str[1] 'i'"), FAILS(FORMAT, "unknown value 'TITLE'")},
    {NORMALIZE, "", IN("str[2,1] 'a' 'b'"), FAILS(SHAPE, "[C] or [1,C] expected, [2,1] came")},
    {NORMALIZE, "", IN("str[] 'a'"), FAILS(SHAPE, "[C] or [1,C] expected, [] came")},
    {NORMALIZE, "", IN("i64[1] 0"), FAILS(SHAPE, "cannot be int64")},
};

QN_OP_CASES_MAIN(cases)
