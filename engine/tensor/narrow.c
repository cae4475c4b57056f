/* narrow.c: one value at a time between float and the types narrower than it: half, bfloat16, the 8- and 4-bit
 * formats. convert.c runs these over arrays; the array loops see them through narrow.h, inlined. Every conversion
 * rounds once. */
#include "tensor/narrow.h"

float qn_half_to_float(uint16_t h) { return half_to_float(h); }

uint16_t qn_float_to_half(float x) { return float_to_half(x); }

uint16_t qn_double_to_half(double x) { return float_to_half(double_to_odd_float(x)); }

float qn_bfloat_to_float(uint16_t b) { return bfloat_to_float(b); }

uint16_t qn_float_to_bfloat(float x) { return float_to_bfloat(x); }

float qn_narrow_to_float(enum qn_dtype dtype, uint8_t bits) { return narrow_to_float(dtype, bits); }

uint8_t qn_float_to_narrow(enum qn_dtype dtype, float x, bool saturate, char round_mode)
{
    return float_to_narrow(dtype, x, saturate, round_mode);
}
