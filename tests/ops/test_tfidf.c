/* test_tfidf.c: cases of TfIdfVectorizer. */
#include "opcase.h"

#define VECTORIZE "TfIdfVectorizer", 9
#define GRAMS(low, high, skip)                                                                                         \
    "min_gram_length=" #low " max_gram_length=" #high " max_skip_count=" #skip " ngram_counts=[0,4] "                  \
    "pool_int64s=[2,3,5,4,5,6,7,8,6,7] "
#define BACKWARDS "ngram_indexes=[6,5,4,3,2,1,0] "
#define WEIGHTS   "weights=[.1,.2,.3,.4,.5,.6,.7] "
#define X         "i64[12] 1 1 3 3 3 7 8 6 7 5 6 8"
#define X2        "i64[2,6] 1 1 3 3 3 7 8 6 7 5 6 8"

static const struct qn_op_case cases[] = {
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 2, 0), IN(X), OUT("f32[7] 1 1 1 0 1 3 0")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 2, 5), IN(X), OUT("f32[7] 1 3 1 0 1 3 0")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(2, 2, 5), IN(X), OUT("f32[7] 1 3 1 0 0 0 0")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(2, 2, 9223372036854775807), IN(X), OUT("f32[7] 1 3 1 0 0 0 0")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 1, 3), IN(X), OUT("f32[7] 0 0 0 0 1 3 0")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 2, 0), IN(X2), OUT("f32[2,7] 0 0 0 0 0 3 0 1 0 1 0 1 0 0")},
    {VECTORIZE, "mode='IDF' " BACKWARDS GRAMS(1, 2, 0) WEIGHTS, IN(X), OUT("f32[7] .7 .6 .5 0 .3 .2 0")},
    {VECTORIZE, "mode='IDF' " BACKWARDS GRAMS(1, 2, 0), IN(X), OUT("f32[7] 1 1 1 0 1 1 0")},
    {VECTORIZE, "mode='TFIDF' " BACKWARDS GRAMS(1, 2, 0) WEIGHTS, IN(X), OUT("f32[7] .7 .6 .5 0 .3 .6 0")},
    {VECTORIZE, "mode='TFIDF' ngram_indexes=[0,0,0,1,1,1,2] " GRAMS(1, 2, 0) WEIGHTS, IN(X), OUT("f32[3] .9 1.1 .7")},
    {VECTORIZE, "mode='TF' ngram_indexes=[0,9,2,3,4,5,6] " GRAMS(1, 2, 0), IN("i32[2] 3 3"),
     OUT("f32[10] 0 0 0 0 0 0 0 0 0 2")},
    {VECTORIZE,
     "mode='TF' pool_strings=['a','b','a','a'] ngram_counts=[0,2] ngram_indexes=[0,1,2] max_gram_length=2 "
     "min_gram_length=1 max_skip_count=3",
     IN("str[4] 'a' 'b' 'a' '?'"), OUT("f32[3] 2 1 1")},
    {VECTORIZE,
     "mode='TF' pool_strings=['a','b','c'] ngram_counts=[0,0,0] ngram_indexes=[1] max_gram_length=3 min_gram_length=3 "
     "max_skip_count=1",
     IN("str[3,5] 'a' 'x' 'b' 'x' 'c' 'a' 'b' 'c' 'a' 'b' 'c' 'b' 'a' 'a' 'b'"), OUT("f32[3,2] 0 1 0 1 0 0")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 2, 0), IN("i64[] 3"), OUT("f32[7] 0 0 0 0 0 1 0")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 2, 0), IN("i64[0]"), OUT("f32[7] 0 ...")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 2, 0), IN("i64[2,0]"), OUT("f32[2,7] 0 ...")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 2, 0), IN("i64[0,2]"), OUT("f32[0,7]")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 2, 0), IN("i64[1,1,2] 0 0"), FAILS(SHAPE, "a tensor of rank 3 came")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 2, 0), IN("str[1] '3'"),
     FAILS(SHAPE, "the pool is of integers, the input is string")},
    {VECTORIZE, BACKWARDS GRAMS(1, 2, 0), IN(X), FAILS(FORMAT, "required attribute 'mode' is missing")},
    {VECTORIZE, "mode='FT' " BACKWARDS GRAMS(1, 2, 0), IN(X), FAILS(FORMAT, "unknown value 'FT'")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 3, 0), IN(X), FAILS(FORMAT, "ngram_counts has 2 entries")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(2, 1, 0), IN(X), FAILS(FORMAT, "n-grams of 2 to 1 tokens")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(0, 1, 0), IN(X), FAILS(FORMAT, "'min_gram_length' is 0")},
    {VECTORIZE, "mode='TF' " BACKWARDS GRAMS(1, 2, -1), IN(X), FAILS(FORMAT, "'max_skip_count' is -1")},
    {VECTORIZE, "mode='TF' ngram_indexes=[-1,0,0,0,0,0,0] " GRAMS(1, 2, 0), IN(X),
     FAILS(FORMAT, "ngram_indexes has the entry -1")},
    {VECTORIZE, "mode='TF' ngram_indexes=[0,1,2] " GRAMS(1, 2, 0), IN(X), FAILS(FORMAT, "more n-grams than the 3")},
    {VECTORIZE, "mode='TFIDF' weights=[1.] " BACKWARDS GRAMS(1, 2, 0), IN(X), FAILS(FORMAT, "1 weights for 7")},
    {VECTORIZE, "mode='TF' pool_strings=['a'] " BACKWARDS GRAMS(1, 2, 0), IN(X), FAILS(FORMAT, "one pool expected")},
    {VECTORIZE,
     "mode='TF' pool_int64s=[1,1] ngram_counts=[0] ngram_indexes=[0,1] max_gram_length=1 min_gram_length=1 "
     "max_skip_count=0",
     IN(X), FAILS(FORMAT, "the pool has a 1-gram twice")},
    {VECTORIZE,
     "mode='TF' pool_int64s=[1,2,3] ngram_counts=[0,0] ngram_indexes=[0,1] max_gram_length=2 min_gram_length=1 "
     "max_skip_count=0",
     IN(X), FAILS(FORMAT, "3 tokens of the pool are no whole number of 2-grams")},
    {VECTORIZE,
     "mode='TF' pool_int64s=[1,2,3] ngram_counts=[2,0] ngram_indexes=[0,1] max_gram_length=2 min_gram_length=1 "
     "max_skip_count=0",
     IN(X), FAILS(FORMAT, "ngram_counts puts 1-grams at 2..0 of a pool of 3")},
    {VECTORIZE,
     "mode='TF' pool_int64s=[1] ngram_counts=[0] ngram_indexes=[4611686018427387904] max_gram_length=1 "
     "min_gram_length=1 max_skip_count=0",
     IN(X), FAILS(LIMIT, "too large")},
};

QN_OP_CASES_MAIN(cases)
