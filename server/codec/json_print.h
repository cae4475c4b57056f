/* json_print.h: numbers as JSON text: the fewest digits that read back as the same number, integers exactly. Plain
 * notation from 1e-4 to below 1e16, with ".0" on whole floating-point numbers, else an exponent. Each call returns the
 * end of the text, which has no final zero, and may use all of the first QN_PRINT_BYTES bytes. No allocation, no
 * locale. */
#ifndef QN_CODEC_JSON_PRINT_H
#define QN_CODEC_JSON_PRINT_H

#include <stdint.h>

enum { QN_PRINT_BYTES = 40 };

/* How NaN and the infinities are written: null; "NaN", "Infinity", "-Infinity"; or the same without quotes. */
enum qn_nan_mode { QN_NAN_NULL, QN_NAN_STRING, QN_NAN_TOKEN };

char *qn_print_f32(char *to, float value, enum qn_nan_mode mode);
char *qn_print_f64(char *to, double value, enum qn_nan_mode mode);
char *qn_print_f16(char *to, uint16_t bits, enum qn_nan_mode mode);  /* IEEE binary16 */
char *qn_print_bf16(char *to, uint16_t bits, enum qn_nan_mode mode); /* bfloat16 */
char *qn_print_u64(char *to, uint64_t value);
char *qn_print_i64(char *to, int64_t value);

#endif
