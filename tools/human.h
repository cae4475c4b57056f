/* human.h: numbers for people: sizes and times with a unit that fits. */
#ifndef QN_TOOLS_HUMAN_H
#define QN_TOOLS_HUMAN_H

enum { QN_HUMAN_BYTES = 32 };

/* "512 B", "12.3 KiB", "1.50 GiB". Gives text. */
const char *qn_human_size(double n_bytes, char text[QN_HUMAN_BYTES]);
/* "850 ns", "12.3 us", "4.56 ms", "1.20 s". Gives text. */
const char *qn_human_ms(double ms, char text[QN_HUMAN_BYTES]);

#endif
