/* utf8.c: the well-formed byte sequences of the Unicode standard (table 3-7), by the range of the second byte. */
#include "base/utf8.h"

static bool is_tail(unsigned char byte) { return (byte & 0xC0) == 0x80; }

size_t qn_utf8_length(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t length;

    if (n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    length = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (n < length)
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0; /* overlong below */
    else if (p[0] == 0xED)
        high = 0x9F; /* surrogates above */
    else if (p[0] == 0xF0)
        low = 0x90; /* overlong below */
    else if (p[0] == 0xF4)
        high = 0x8F; /* beyond U+10FFFF above */
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!is_tail(p[i]))
            return 0;
    return length;
}

bool qn_utf8_is_control(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;

    if (n == 1)
        return p[0] < 0x20 || p[0] == 0x7F;
    if (n == 2)
        return p[0] == 0xC2 && p[1] < 0xA0;
    return n == 3 && p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9);
}
