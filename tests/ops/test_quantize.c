/* test_quantize.c: cases of QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear. */
#include "opcase.h"

#define Q   "QuantizeLinear"
#define DQ  "DequantizeLinear"
#define DYN "DynamicQuantizeLinear"
#define X6  "f32[6] 0 2 3 1000 -254 -1000"
#define X23 "f32[2,3] 1 2 3 4 5 6"

static const struct qn_op_case cases[] = {
    /* Targets: ties to even, saturation. */
    {Q, 10, "", IN(X6, "f32[] 2", "u8[] 128"), OUT("u8[6] 128 129 130 255 1 0")},
    {Q, 13, "", IN(X6, "f32[] 2", "i8[] 1"), OUT("i8[6] 1 2 3 127 -126 -128")},
    {Q, 13, "", IN(X6, "f32[] 2"), OUT("u8[6] 0 1 2 255 0 0")},
    {Q, 21, "output_dtype=3", IN(X6, "f32[] 2"), OUT("i8[6] 0 1 2 127 -127 -128")},
    {Q, 13, "", IN("f32[7] .5 1.5 2.5 -.5 -1.5 inf nan", "f32[] 1", "i8[] 3"), OUT("i8[7] 3 5 5 3 1 127 3")},
    {Q, 13, "", IN("f32[3] 1 -1 0", "f32[] 0", "u8[] 7"), OUT("u8[3] 255 0 7")},
    {Q, 21, "", IN("f32[4] 0 -100000 100000 3", "f32[] 1", "u16[] 32767"), OUT("u16[4] 32767 0 65535 32770")},
    {Q, 21, "", IN("f32[4] 0 -100000 100000 3", "f32[] 1", "i16[] 256"), OUT("i16[4] 256 -32768 32767 259")},
    {Q, 21, "", IN("f32[5] 0 -9 9 3 2.5", "f32[] 1", "i4[] 1"), OUT("i4[5] 1 -8 7 4 3")},
    {Q, 21, "output_dtype=21", IN("f32[5] 0 -9 19 3 2.5", "f32[] 1"), OUT("u4[5] 0 0 15 3 2")},
    {Q, 25, "output_dtype=26", IN("f32[5] 0 -9 9 1 -1", "f32[] 1"), OUT("i2[5] 0 -2 1 1 -1")},
    {Q, 25, "output_dtype=25", IN("f32[5] 0 -9 9 2 1", "f32[] 1"), OUT("u2[5] 0 0 3 2 1")},
    {Q, 23, "output_dtype=23", IN("f32[6] 0 -9 9 1 .7 -.2", "f32[] 1"), OUT("f4e2m1[6] 0 -6 6 1 .5 0"),
     TOLERANCE(1e-9, 1e-9)},
    {Q, 19, "", IN("f32[4] 0 1 1000 -3.1", "f32[] 1", "f8e4m3fn[] 0"), OUT("f8e4m3fn[4] 0 1 448 -3")},
    {Q, 19, "saturate=0", IN("f32[4] 0 1 1000 -3.1", "f32[] 1", "f8e4m3fn[] 0"), OUT("f8e4m3fn[4] 0 1 nan -3")},
    {Q, 21, "output_dtype=19", IN("f32[3] 0 1 100000", "f32[] 1"), OUT("f8e5m2[3] 0 1 57344")},
    {Q, 19, "", IN("f32[2] 1 1000", "f32[] 1", "f8e4m3fnuz[] 0"), OUT("f8e4m3fnuz[2] 1 240")},
    {Q, 19, "", IN("f32[2] 1 100000", "f32[] 1", "f8e5m2fnuz[] 0"), OUT("f8e5m2fnuz[2] 1 57344")},

    /* Sources and precision. */
    {Q, 10, "", IN("i32[3] 7 -7 2147483647", "f32[] 2", "i8[] 0"), OUT("i8[3] 4 -4 127")},
    {Q, 19, "", IN("f16[3] 1 2 3", "f16[] 2", "u8[] 1"), OUT("u8[3] 1 2 3")},
    {Q, 19, "", IN("bf16[3] 1 2 3", "bf16[] 2", "u8[] 1"), OUT("u8[3] 1 2 3")},
    {Q, 19, "", IN("i32[3] 7 -7 9", "i32[] 2", "i8[] 1"), OUT("i8[3] 5 -3 5")},
    {Q, 23, "", IN("f16[3] 1 2 3", "f32[] 2", "u8[] 1"), OUT("u8[3] 1 2 3")},
    {Q, 24, "", IN("f32[3] 1 2 3", "f8e8m0[] 2", "u8[] 1"), OUT("u8[3] 1 2 3")},
    {Q, 23, "precision=1", IN("f32[1] 1001", "f16[] 2"), OUT("u8[1] 255")},
    /* In float16 the quotient 2.4995 is 2.5. */
    {Q, 23, "precision=10", IN("f32[2] 2.4995 3.4995", "f32[] 1", "u8[] 0"), OUT("u8[2] 2 4")},
    {Q, 23, "precision=16", IN("f32[2] 2.499 3.499", "f32[] 1", "u8[] 0"), OUT("u8[2] 2 4")},
    {Q, 23, "", IN("f32[2] 2.4995 3.4995", "f32[] 1", "u8[] 0"), OUT("u8[2] 2 3")},
    {Q, 23, "precision=11", IN("f32[2] 2.4995 3.4995", "f32[] 1", "u8[] 0"), OUT("u8[2] 2 3")},

    /* Axes and blocks. */
    {Q, 13, "axis=0", IN(X23, "f32[2] 1 2", "u8[2] 0 10"), OUT("u8[2,3] 1 2 3 12 12 13")},
    {Q, 13, "", IN(X23, "f32[3] 1 2 3", "u8[3] 0 1 2"), OUT("u8[2,3] 1 2 3 4 3 4")},
    {Q, 13, "axis=-1", IN("f32[1,2,2] 1 2 3 4", "f32[2] 1 2"), OUT("u8[1,2,2] 1 1 3 2")},
    {Q, 13, "", IN("f32[2,2,2] 1 2 3 4 5 6 7 8", "f32[2] 1 2", "i8[2] 0 1"), OUT("i8[2,2,2] 1 2 3 3 5 6 5 5")},
    {Q, 21, "axis=1 block_size=2", IN("f32[2,3] 1 2 3 4 5 6", "f32[2,2] 1 2 1 3", "u8[2,2] 0 1 2 3"),
     OUT("u8[2,3] 1 2 3 6 7 5")},
    {Q, 21, "axis=0 block_size=2", IN("f32[3,2] 1 2 3 4 5 6", "f32[2,2] 1 2 1 3"), OUT("u8[3,2] 1 1 3 2 5 2")},
    {Q, 21, "axis=-2 block_size=5", IN("f32[1,3,2] 1 2 3 4 5 6", "f32[1,1,2] 1 2"), OUT("u8[1,3,2] 1 1 3 2 5 3")},
    {Q, 13, "", IN("f32[3] 1 2 3", "f32[1] 2"), OUT("u8[3] 0 1 2")},
    {Q, 13, "", IN("f32[] 3", "f32[] 2"), OUT("u8[] 2")},
    {Q, 13, "", IN("f32[0,2]", "f32[2] 1 1"), OUT("u8[0,2]")},
    {Q, 13, "axis=0", IN("f32[3,700] 1 2 ...", "f32[3] .5 ...", "u8[3] 1 ..."), OUT("u8[3,700] 3 5 ...")},
    {Q, 13, "", IN("f32[50,1111] 3 ...", "f32[] .5", "u8[] 1"), OUT("u8[50,1111] 7 ...")},

    /* Quantizing: errors. */
    {Q, 10, "", IN(X23, "f32[2] 1 1"), FAILS(SHAPE, "the scale must be a scalar, not [2]")},
    {Q, 13, "", IN(X23, "f32[2] 1 1"), FAILS(SHAPE, "a scale of shape [2] does not fit axis 1 of [2,3]")},
    {Q, 13, "axis=2", IN(X23, "f32[3] 1 ..."), FAILS(SHAPE, "axis 2 is outside a tensor of rank 2")},
    {Q, 13, "", IN(X23, "f32[3] 1 ...", "u8[2] 0 0"),
     FAILS(SHAPE, "zero points of shape [2] do not fit scales of shape [3]")},
    {Q, 21, "block_size=2", IN(X23, "f32[2,3] 1 ..."),
     FAILS(SHAPE, "[2,3] does not fit blocks of 2 on axis 1 of [2,3]")},
    {Q, 21, "block_size=2", IN(X23, "f32[2] 1 ..."), FAILS(SHAPE, "a scale of shape [2] does not fit blocks of [2,3]")},
    {Q, 21, "block_size=-1", IN(X23, "f32[] 1"), FAILS(FORMAT, "'block_size' is -1")},
    {Q, 21, "output_dtype=1", IN(X23, "f32[] 1"), FAILS(FORMAT, "cannot quantize to float32")},
    {Q, 21, "output_dtype=25", IN(X23, "f32[] 1"), FAILS(FORMAT, "cannot quantize to uint2")},
    {Q, 21, "output_dtype=3", IN(X23, "f32[] 1", "u8[] 0"),
     FAILS(SHAPE, "output_dtype is int8 where the zero point is uint8")},
    {Q, 23, "precision=7", IN(X23, "f32[] 1"), FAILS(FORMAT, "a precision of element type 7")},
    {Q, 21, "", IN("f16[1] 1", "f32[] 1"), FAILS(SHAPE, "float32 where float16 is expected")},
    {Q, 13, "saturate=1", IN(X23, "f32[] 1"), FAILS(FORMAT, "unknown attribute 'saturate'")},

    /* Dequantizing. */
    {DQ, 10, "", IN("u8[4] 0 3 128 255", "f32[] 2", "u8[] 128"), OUT("f32[4] -256 -250 0 254")},
    {DQ, 13, "", IN("i8[3] -128 0 127", "f32[] .5", "i8[] -128"), OUT("f32[3] 0 64 127.5")},
    {DQ, 10, "", IN("i32[2] -2147483648 5", "f32[] 2"), OUT("f32[2] -4294967296 10")},
    {DQ, 13, "", IN("i32[2] 2147483647 5", "f32[] 2", "i32[] 2147483640"), OUT("f32[2] 14 -4294967270"),
     TOLERANCE(1e-7, 1e-7)},
    {DQ, 21, "", IN("u16[2] 30000 65535", "f32[] 2", "u16[] 32767"), OUT("f32[2] -5534 65536")},
    {DQ, 21, "", IN("i16[2] -300 32767", "f32[] 2", "i16[] -1024"), OUT("f32[2] 1448 67582")},
    {DQ, 21, "", IN("i4[3] -8 7 1", "f32[] 2", "i4[] 1"), OUT("f32[3] -18 12 0")},
    {DQ, 21, "", IN("u4[3] 0 15 1", "f32[] 2", "u4[] 1"), OUT("f32[3] -2 28 0")},
    {DQ, 25, "", IN("i2[5] -2 1 0 -1 1", "f32[] 2", "i2[] 1"), OUT("f32[5] -6 0 -2 -4 0")},
    {DQ, 25, "", IN("u2[5] 0 1 2 3 1", "f32[] 2"), OUT("f32[5] 0 2 4 6 2")},
    {DQ, 19, "", IN("f8e4m3fn[3] 1 448 nan", "f32[] 2"), OUT("f32[3] 2 896 nan")},
    {DQ, 19, "", IN("f8e5m2[2] 1 -57344", "f32[] 2", "f8e5m2[] 0"), OUT("f32[2] 2 -114688")},
    {DQ, 23, "", IN("f4e2m1[3] 0 6 -.5", "f32[] 2"), OUT("f32[3] 0 12 -1")},
    {DQ, 19, "", IN("u8[2] 1 3", "f16[] .5", "u8[] 1"), OUT("f16[2] 0 1")},
    {DQ, 19, "", IN("i32[2] 1 3", "bf16[] .5"), OUT("bf16[2] .5 1.5")},
    {DQ, 23, "output_dtype=10", IN("u8[2] 1 3", "f32[] .5"), OUT("f16[2] .5 1.5")},
    {DQ, 24, "output_dtype=1", IN("u8[2] 1 3", "f8e8m0[] .5"), OUT("f32[2] .5 1.5")},
    {DQ, 13, "axis=0", IN("u8[2,2] 1 2 3 4", "f32[2] 1 2", "u8[2] 0 1"), OUT("f32[2,2] 1 2 4 6")},
    {DQ, 13, "", IN("u8[1,2,2] 1 2 3 4", "f32[2] 1 2"), OUT("f32[1,2,2] 1 2 6 8")},
    {DQ, 21, "block_size=2", IN("i4[1,3] 1 2 3", "f32[1,2] 1 2", "i4[1,2] 1 0"), OUT("f32[1,3] 0 1 6")},
    {DQ, 21, "axis=0 block_size=1", IN("i8[2] 1 2", "f32[2] 1 2"), OUT("f32[2] 1 4")},
    {DQ, 13, "", IN("u8[0,2]", "f32[2] 1 1"), OUT("f32[0,2]")},
    {DQ, 13, "axis=0", IN("u8[40,1000] 3 ...", "f32[40] 2 ...", "u8[40] 1 ..."), OUT("f32[40,1000] 4 ...")},
    {DQ, 10, "", IN("u8[2] 1 2", "f32[2] 1 1"), FAILS(SHAPE, "the scale must be a scalar")},
    {DQ, 13, "", IN("u8[2] 1 2", "f32[2] 1 1"), FAILS(SHAPE, "axis 1 is outside a tensor of rank 1")},
    {DQ, 13, "", IN("u8[1] 1", "f32[] 1", "i8[] 0"), FAILS(SHAPE, "int8 where uint8 is expected")},
    {DQ, 24, "", IN("u8[1] 1", "f8e8m0[] 1"), FAILS(FORMAT, "cannot dequantize to float8e8m0")},
    {DQ, 23, "output_dtype=11", IN("u8[1] 1", "f32[] 1"), FAILS(FORMAT, "cannot dequantize to float64")},
    {DQ, 13, "", IN("u16[1] 1", "f32[] 1"), FAILS(SHAPE, "cannot be uint16")},

    /* With a range found at run time. */
    {DYN, 11, "", IN("f32[6] 0 2 -3 -2.5 1.34 .5"), OUT("u8[6] 153 255 0 26 221 179", "f32[] .019607844", "u8[] 153")},
    {DYN, 11, "", IN("f32[3] -1 -2.1 -1.3"), OUT("u8[3] 134 0 97", "f32[] .008235294", "u8[] 255"),
     TOLERANCE(1e-7, 1e-7)},
    {DYN, 11, "", IN("f32[3] 1 2 5.1"), OUT("u8[3] 50 100 255", "f32[] .02", "u8[] 0"), TOLERANCE(1e-7, 1e-7)},
    {DYN, 11, "", IN("f32[2] 0 0"), OUT("u8[2] 0 0", "f32[] .003921569", "u8[] 0"), TOLERANCE(1e-7, 1e-7)},
    {DYN, 11, "", IN("f32[0]"), OUT("u8[0]", "f32[] .003921569", "u8[] 0"), TOLERANCE(1e-7, 1e-7)},
    {DYN, 11, "", IN("f32[] 2"), OUT("u8[] 255", "f32[] .007843138", "u8[] 0"), TOLERANCE(1e-7, 1e-7)},
    {DYN, 11, "", IN("f32[30,2000] 255 0 ..."), OUT("u8[30,2000] 255 0 ...", "f32[] 1", "u8[] 0")},
    {DYN, 11, "", IN("f64[1] 0"), OUT("u8[1] 0", "f32[] 0", "u8[] 0"), FAILS(SHAPE, "cannot be float64")},
};

QN_OP_CASES_MAIN(cases)
