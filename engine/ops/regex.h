/* regex.h: regular expressions in the syntax of RE2, matched against whole texts in time linear in the text: all ways
 * through the expression are followed at once, none is tried again.
 *
 * Covered: literals and \Q...\E, ., classes with ranges, escapes and [:names:], \d \s \w \b \A \z and the like, ^ $,
 * groups of all kinds, |, * + ? {n,m} and their lazy forms, flags i m s U, character escapes. Texts and patterns are
 * UTF-8; a byte of a text that is not matches nothing. Not covered, and refused: \p and \P (Unicode properties), \C
 * (single bytes). Back-references and look-around are not RE2's. */
#ifndef QN_OPS_REGEX_H
#define QN_OPS_REGEX_H

#include "tensor/tensor.h"

struct qn_regex;

/* The expression lives in the arena. FORMAT or UNSUPPORTED with the place in the pattern; LIMIT when it is too large.
 */
enum qn_status qn_regex_compile(struct qn_str pattern, struct qn_arena *arena, const struct qn_regex **regex,
                                struct qn_err *err);
/* Bytes of room that one match needs. */
size_t qn_regex_room(const struct qn_regex *regex);
/* Whether the whole text matches. Any number of threads may ask at once, each with a room of its own. */
bool qn_regex_matches(const struct qn_regex *regex, struct qn_str text, void *room);

#endif
