/* main.c: the `quern` command: a table of sub-commands. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "build_info.h"
#include "tools/cmd.h"
#include "tools/options.h"

static int help(int argc, char **argv);

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"serve", qn_cmd_serve, "serve a model, or a folder of models, over HTTP"},
    {"run", qn_cmd_run, "run a model once on files"},
    {"verify", qn_cmd_verify, "run a model's test data sets and compare"},
    {"inspect", qn_cmd_inspect, "inputs, outputs, operators, memory, kernels of a model"},
    {"bench", qn_cmd_bench, "time a model in this process"},
    {"health", qn_cmd_health, "ask a server whether it is ready"},
    {"ops", qn_cmd_ops, "list the supported operators"},
    {"help", help, "this list, or the flags of one command"},
    {NULL, NULL, NULL},
};

static const struct command *find(const char *name)
{
    const struct command *command = commands;

    while (command->name && strcmp(command->name, name) != 0)
        command++;
    return command->name ? command : NULL;
}

static void print_commands(FILE *to)
{
    fprintf(to, "quern runs ONNX models: offline and over HTTP.\n\nusage: quern COMMAND [ARGUMENTS]\n\n");
    for (const struct command *command = commands; command->name; command++)
        fprintf(to, "  %-10s %s\n", command->name, command->summary);
    fprintf(to, "\n'quern help COMMAND' tells its flags; 'quern --version' what was built.\n");
}

static int help(int argc, char **argv)
{
    char help_flag[] = "--help";
    const struct command *command = argc > 1 ? find(argv[1]) : NULL;

    if (argc < 2 || (argc == 2 && command && command->run == help)) {
        print_commands(stdout);
        return QN_EXIT_OK;
    }
    if (!command || argc > 2) {
        qn_complain("usage",
                    command ? "help takes one command, not also '%s'" : "unknown command '%s'; see 'quern help'",
                    argv[command ? 2 : 1]);
        return QN_EXIT_USAGE;
    }
    return command->run(2, (char *[]){argv[1], help_flag, NULL});
}

static int version(void)
{
    printf("quern %s\ncommit %s\nbuild %s, %s, %s, %s\nlibraries %s\ncpu %s\n", QN_BUILD_VERSION, QN_BUILD_COMMIT,
           QN_BUILD_TYPE, QN_BUILD_COMPILER, QN_BUILD_TARGET, QN_BUILD_OPTIONS, QN_BUILD_LIBRARIES,
           qn_cpu_level_name(qn_cpu_level()));
    return QN_EXIT_OK;
}

/* Files opened later must not land on the places of standard input, output and error. What stands in for a closed one
 * fails when used, so that a result is never lost without a word. */
static void fill_standard_files(void)
{
    int file;

    do
        file = open("/dev/null", O_RDONLY);
    while (file >= 0 && file <= STDERR_FILENO);
    if (file > STDERR_FILENO)
        close(file);
}

/* A command that succeeded has failed all the same when its output did not arrive. */
static int finish(int code)
{
    bool failed = ferror(stdout) != 0;

    errno = 0;
    if ((fflush(stdout) == 0 && !failed) || code != QN_EXIT_OK)
        return code;
    qn_complain("standard output", "%s", errno ? strerror(errno) : "writing failed");
    return QN_EXIT_IO;
}

/* A misspelt level would run the wrong kernels without a word. */
static bool cpu_level_is_known(void)
{
    static const char *const names[] = {"generic", "avx2", "avx512", "neon"};
    const char *level = getenv("QUERN_CPU");

    for (size_t i = 0; level && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(level, names[i]) == 0)
            return true;
    if (level)
        qn_complain("QUERN_CPU", "'%s' is none of generic, avx2, avx512, neon", level);
    return level == NULL;
}

static int dispatch(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2) {
        print_commands(stderr);
        return QN_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return version();
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(1, argv);
    command = find(argv[1]);
    if (command)
        return command->run(argc - 1, argv + 1);
    qn_complain("usage", "unknown command '%s'; see 'quern help'", argv[1]);
    return QN_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    fill_standard_files();
    /* A closed pipe and a file at its limit are errors of the write, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return finish(cpu_level_is_known() ? dispatch(argc, argv) : QN_EXIT_USAGE);
}
