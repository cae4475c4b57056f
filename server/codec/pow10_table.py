"""Writes pow10_table.h, the powers of ten that the number reader and printer share. Run it in this folder:

    python3 pow10_table.py > pow10_table.h

Row q - MIN_Q holds the first 128 bits of 10^q, cut off, not rounded: floor(10^q * 2^(127 - floor(log2(10^q)))).
The range covers what a binary64 needs: reading goes down to 10^-342 (19 digits that still reach the least subnormal)
and up to 10^308; printing goes up to 10^324.
"""

MIN_Q, MAX_Q = -342, 324


def first_128_bits(q):
    """floor(10^q * 2^k) with the k that gives exactly 128 bits; 10^q and 5^q have the same bits."""
    if q >= 0:
        value = 5**q
        shift = value.bit_length() - 128
        return value >> shift if shift > 0 else value << -shift
    divisor = 5**-q
    k = divisor.bit_length() + 127
    value = (1 << k) // divisor
    return value >> 1 if value.bit_length() > 128 else value


def main():
    rows = [first_128_bits(q) for q in range(MIN_Q, MAX_Q + 1)]
    assert all(value.bit_length() == 128 for value in rows)
    print("/* pow10_table.h: the first 128 bits of the powers of ten, high and low half. Made by pow10_table.py. */")
    print("#ifndef QN_CODEC_POW10_TABLE_H\n#define QN_CODEC_POW10_TABLE_H\n\n#include <stdint.h>\n")
    print(f"enum {{ POW10_MIN = {MIN_Q}, POW10_MAX = {MAX_Q} }};\n")
    print("static const uint64_t pow10_bits[POW10_MAX - POW10_MIN + 1][2] = {")
    cells = [f"{{0x{value >> 64:016x}u, 0x{value & (1 << 64) - 1:016x}u}}," for value in rows]
    for i in range(0, len(cells), 2):
        print("    " + " ".join(cells[i : i + 2]))
    print("};\n\n#endif")


main()
