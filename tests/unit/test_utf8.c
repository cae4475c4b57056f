/* test_utf8.c: qn_utf8_length() against the definition of UTF-8, over every code point and every pair of first bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static size_t encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

static void every_code_point_reads_back(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        char text[4];
        size_t n = encode(code, text);
        bool is_surrogate = code >= 0xD800 && code < 0xE000;

        if (qn_utf8_length(text, n) != (is_surrogate ? 0 : n))
            fail_msg("U+%04X", code);
        for (size_t cut = 0; cut < n; cut++)
            if (qn_utf8_length(text, cut) != 0)
                fail_msg("U+%04X cut to %zu bytes", code, cut);
        if (!is_surrogate && qn_utf8_is_control(text, n) !=
                                 (code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029))
            fail_msg("control U+%04X", code);
    }
}

static void overlong_and_too_large_forms_are_refused(void **state)
{
    static const char *const bad[] = {
        "\x80\x80\x80\x80",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFF\xFF\xFF\xFF",
        "\xC3(",
        "\xE2\x82(",
        "\xF0\x9F\x8C(",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(qn_utf8_length(bad[i], strlen(bad[i])), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_reads_back),
        cmocka_unit_test(overlong_and_too_large_forms_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
