# Script: fills build_info.h.in. "-dirty" marks a build of files that differ from their commit.
set(QN_BUILD_COMMIT "unknown")
find_program(git git)
if(git AND EXISTS "${SOURCE}/.git")
    execute_process(COMMAND "${git}" -C "${SOURCE}" describe --always --dirty --abbrev=12 --exclude=*
        OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE result ERROR_QUIET)
    if(result EQUAL 0 AND commit)
        set(QN_BUILD_COMMIT "${commit}")
    endif()
endif()
configure_file("${TEMPLATE}" "${OUT}" @ONLY)
