/* cmd.h: the sub-commands of quern. Each file cmd_<name>.c holds one; main.c has the table. */
#ifndef QN_TOOLS_CMD_H
#define QN_TOOLS_CMD_H

#include "base/err.h"

/* argv[0] is the sub-command's name. Each returns the exit code of the process. */
int qn_cmd_serve(int argc, char **argv);
int qn_cmd_run(int argc, char **argv);
int qn_cmd_verify(int argc, char **argv);
int qn_cmd_inspect(int argc, char **argv);
int qn_cmd_bench(int argc, char **argv);
int qn_cmd_health(int argc, char **argv);
int qn_cmd_ops(int argc, char **argv);

/* Exit codes beside those of enum qn_status. */
enum { QN_EXIT_OK = 0, QN_EXIT_DIFFERENT = 1, QN_EXIT_USAGE = 2, QN_EXIT_MODEL = 3, QN_EXIT_DATA = 4, QN_EXIT_IO = 6 };

#endif
