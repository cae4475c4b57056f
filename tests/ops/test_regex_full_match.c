/* test_regex_full_match.c: cases of RegexFullMatch. Sizes and time are unit/test_regex.c's. Quotes are not available in
 * patterns here, nor the backslash of C alone. */
#include "opcase.h"

#define MATCH "RegexFullMatch", 20

static const struct qn_op_case cases[] = {
    {MATCH, "pattern='www\\.[\\w.-]+\\.\\bcom\\b'", IN("str[3] 'www.google.com' 'www.facebook.com' 'www.bbc.co.uk'"),
     OUT("bool[3] 1 1 0")},
    {MATCH, "pattern='(\\W|^)[\\w.\\-]{0,25}@(yahoo|gmail)\\.com(\\W|$)'",
     IN("str[2,2] 'account@gmail.com' 'account@hotmail.com' 'not email' 'account2@yahoo.com'"),
     OUT("bool[2,2] 1 0 0 1")},
    {MATCH, "pattern='a'", IN("str[2,0]"), OUT("bool[2,0]")},
    {MATCH, "pattern='a'", IN("str[] 'a'"), OUT("bool[] 1")},
    {MATCH, "", IN("str[2] '' 'a'"), OUT("bool[2] 1 0")},
    /* letters and dots */
    {MATCH, "pattern='a.b'",
     IN("str[4] 'axb' 'a\u00e9b' 'a\nb' 'a\xff"
        "b'"),
     OUT("bool[4] 1 1 0 0")},
    {MATCH, "pattern='(?s)a.b'", IN("str[1] 'a\nb'"), OUT("bool[1] 1")},
    {MATCH, "pattern='\\x41\\x{e9}\\101\\t\\@\\_'", IN("str[1] 'A\u00e9A\t@_'"), OUT("bool[1] 1")},
    {MATCH, "pattern='\\0101'", IN("str[2] 'A' '\b1'"), OUT("bool[2] 0 1")},
    {MATCH, "pattern='\\Qa.b\\E+\\Q*'", IN("str[3] 'a.bb*' 'axb*' 'a.b'"), OUT("bool[3] 1 0 0")},
    /* repetition */
    {MATCH, "pattern='a*?b+?c?'", IN("str[4] 'aab' 'bbc' 'c' 'abcc'"), OUT("bool[4] 1 1 0 0")},
    {MATCH, "pattern='a{2}(bc){0,2}d{2,}e{0}'", IN("str[5] 'aadd' 'aabcbcddd' 'aabcbcbcdd' 'add' 'aadde'"),
     OUT("bool[5] 1 1 0 0 0")},
    {MATCH, "pattern='(a|b)*c|(d|){3}'", IN("str[6] 'abbac' 'c' '' 'dd' 'dddd' 'a'"), OUT("bool[6] 1 1 1 1 0 0")},
    {MATCH, "pattern='(a*)*(b*)+(|c)?'", IN("str[4] 'aabbc' '' 'c' 'ba'"), OUT("bool[4] 1 1 1 0")},
    {MATCH, "pattern='a{,2}b{x{1'", IN("str[2] 'a{,2}b{x{1' 'aabx'"), OUT("bool[2] 1 0")},
    {MATCH, "pattern='(?:)*(x{2}){2}'", IN("str[2] 'xxxx' 'xxx'"), OUT("bool[2] 1 0")},
    /* classes */
    {MATCH, "pattern='[[:alpha:]\\d-]+'", IN("str[3] 'a-1' '\u00e9' '_'"), OUT("bool[3] 1 0 0")},
    {MATCH, "pattern='[^a-c\\s][]x][\\]\\-\\\\][^\\W\\d]'", IN("str[3] 'd]-_' 'a]-_' '\u00e9x\\1'"),
     OUT("bool[3] 1 0 0")},
    {MATCH, "pattern='[[:^punct:]][[:cntrl:]][[:ascii:]]'", IN("str[2] '1\t~' '!\t~'"), OUT("bool[2] 1 0")},
    {MATCH, "pattern='[\u00e0-\u00ff\\x{3b1}-\\x{3c9}]+'", IN("str[2] '\u00e9\u03b2' '\u0100'"), OUT("bool[2] 1 0")},
    {MATCH, "pattern='\\s\\S\\D'", IN("str[3] ' a-' '\va-' '\na1'"), OUT("bool[3] 1 0 0")},
    {MATCH, "pattern='[a[:b]+'", IN("str[1] 'a[:b'"), OUT("bool[1] 1")},
    {MATCH, "pattern='[^\\x00-\\x{10FFFF}]'", IN("str[1] 'a'"), OUT("bool[1] 0")},
    /* places */
    {MATCH, "pattern='^a$'", IN("str[2] 'a' 'a\n'"), OUT("bool[2] 1 0")},
    {MATCH, "pattern='(?m)^a$\n^b$'", IN("str[2] 'a\nb' 'ab'"), OUT("bool[2] 1 0")},
    {MATCH, "pattern='\\A\\ba\\B-?b\\z'", IN("str[2] 'ab' 'a-b'"), OUT("bool[2] 1 0")},
    {MATCH, "pattern='\\b\u00e9\\b'", IN("str[1] '\u00e9'"), OUT("bool[1] 0")},
    /* flags, groups, case */
    {MATCH, "pattern='(?i)k\u00e9\u00df(?-i)b'", IN("str[3] '\u212a\u00c9\u1e9eb' 'K\u00e9\u00dfb' 'k\u00e9\u00dfB'"),
     OUT("bool[3] 1 1 0")},
    {MATCH, "pattern='(?i:[k-s\u03c9])x'", IN("str[5] 'Kx' '\u017fx' '\u2126x' 'kX' 'tx'"), OUT("bool[5] 1 1 1 0 0")},
    {MATCH, "pattern='(?i)[^k]'", IN("str[3] '\u212a' 'K' 'l'"), OUT("bool[3] 0 0 1")},
    {MATCH, "pattern='(?P<n>a)(?<m>b)(?U:c+)'", IN("str[1] 'abcc'"), OUT("bool[1] 1")},
    {MATCH, "pattern='a*(?i)+b'", IN("str[1] 'aaB'"), OUT("bool[1] 1")},
    /* what is no expression, and what is not covered */
    {MATCH, "pattern='(a'", IN("str[1] 'a'"), FAILS(FORMAT, "a group of the pattern has no end")},
    {MATCH, "pattern='a)'", IN("str[1] 'a'"), FAILS(FORMAT, "the parenthesis at byte 1 of the pattern closes nothing")},
    {MATCH, "pattern='*a'", IN("str[1] 'a'"), FAILS(FORMAT, "nothing stands before the repetition at byte 0")},
    {MATCH, "pattern='(|+)'", IN("str[1] 'a'"), FAILS(FORMAT, "nothing stands before the repetition at byte 2")},
    {MATCH, "pattern='a**'", IN("str[1] 'a'"), FAILS(FORMAT, "a repetition is repeated at byte 2")},
    {MATCH, "pattern='a{2}{3}'", IN("str[1] 'a'"), FAILS(FORMAT, "a repetition is repeated at byte 4")},
    {MATCH, "pattern='a{1001}'", IN("str[1] 'a'"),
     FAILS(FORMAT, "the repetition at byte 1 of the pattern is not within")},
    {MATCH, "pattern='a{3,2}'", IN("str[1] 'a'"), FAILS(FORMAT, "runs backwards")},
    {MATCH, "pattern='[b-a]'", IN("str[1] 'a'"), FAILS(FORMAT, "the range at byte 1 of the pattern runs backwards")},
    {MATCH, "pattern='[a'", IN("str[1] 'a'"), FAILS(FORMAT, "the class at byte 0 of the pattern has no end")},
    {MATCH, "pattern='[[:letter:]]'", IN("str[1] 'a'"), FAILS(FORMAT, "has an unknown name")},
    {MATCH, "pattern='(a)\\1'", IN("str[1] 'a'"), FAILS(FORMAT, "the escape at byte 3 of the pattern is not known")},
    {MATCH, "pattern='\\y'", IN("str[1] 'a'"), FAILS(FORMAT, "the escape at byte 0")},
    {MATCH, "pattern='a\\'", IN("str[1] 'a'"), FAILS(FORMAT, "the pattern ends at byte 2")},
    {MATCH, "pattern='\\x{110000}'", IN("str[1] 'a'"), FAILS(FORMAT, "the escape at byte 0")},
    {MATCH, "pattern='\\x4'", IN("str[1] 'a'"), FAILS(FORMAT, "the escape at byte 0")},
    {MATCH, "pattern='(?=a)a'", IN("str[1] 'a'"), FAILS(FORMAT, "the group at byte 0 of the pattern is of a kind")},
    {MATCH, "pattern='(?<=a)a'", IN("str[1] 'a'"), FAILS(FORMAT, "the group at byte 0 of the pattern is of a kind")},
    {MATCH, "pattern='(?P<a-b>a)'", IN("str[1] 'a'"), FAILS(FORMAT, "has a bad name")},
    {MATCH, "pattern='(?i'", IN("str[1] 'a'"), FAILS(FORMAT, "the group at byte 0 of the pattern has no end")},
    {MATCH, "pattern='a\xff'", IN("str[1] 'a'"), FAILS(FORMAT, "the pattern is not UTF-8 at byte 1")},
    {MATCH, "pattern='\\p{Greek}'", IN("str[1] 'a'"), FAILS(UNSUPPORTED, "Unicode properties (at byte 0")},
    {MATCH, "pattern='[\\PL]'", IN("str[1] 'a'"), FAILS(UNSUPPORTED, "Unicode properties (at byte 1")},
    {MATCH, "pattern='\\C'", IN("str[1] 'a'"), FAILS(UNSUPPORTED, "single bytes (at byte 0")},
    {MATCH, "pattern='((a{1000}){1000}){1000}'", IN("str[1] 'a'"), FAILS(LIMIT, "the pattern is too large")},
    {MATCH, "pattern='a'", IN("i64[1] 0"), FAILS(SHAPE, "cannot be int64")},
};

QN_OP_CASES_MAIN(cases)
