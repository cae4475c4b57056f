/* human.c: sizes and times in three significant digits. */
#include "tools/human.h"

#include <stdio.h>

struct unit {
    double scale; /* how many of the number's own unit */
    const char *name;
};

/* units in falling order; the last one takes what is left. */
static const char *print(double x, const struct unit *units, char text[QN_HUMAN_BYTES])
{
    while (x < units->scale && units[1].name)
        units++;
    x /= units->scale;
    snprintf(text, QN_HUMAN_BYTES, "%.*f %s", x >= 99.95 || x == (int)x ? 0 : x >= 9.995 ? 1 : 2, x, units->name);
    return text;
}

const char *qn_human_size(double n_bytes, char text[QN_HUMAN_BYTES])
{
    static const struct unit units[] = {{0x1p40, "TiB"}, {0x1p30, "GiB"}, {0x1p20, "MiB"},
                                        {0x1p10, "KiB"}, {1, "B"},        {0, NULL}};

    return print(n_bytes, units, text);
}

const char *qn_human_ms(double ms, char text[QN_HUMAN_BYTES])
{
    static const struct unit units[] = {{1e3, "s"}, {1, "ms"}, {1e-3, "us"}, {1e-6, "ns"}, {0, NULL}};

    return print(ms, units, text);
}
