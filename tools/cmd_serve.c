/* cmd_serve.c: `quern serve`: settings, then the server. */
#include <stdio.h>

#include "server/server.h"
#include "tools/cmd.h"
#include "tools/options.h"

int qn_cmd_serve(int argc, char **argv)
{
    struct qn_server_config config;
    struct qn_err err = {QN_OK, 0, "", "", ""};
    int code = QN_EXIT_OK;

    if (qn_config_parse(argc, argv, &config, &err) != QN_OK) {
        qn_complain("serve", "%s", err.text);
        code = QN_EXIT_USAGE;
    } else if (config.help) {
        qn_config_help(stdout);
    } else if (config.print_config) {
        qn_config_print(&config, stdout);
    } else {
        code = qn_serve(&config);
    }
    qn_config_deinit(&config);
    return code;
}
