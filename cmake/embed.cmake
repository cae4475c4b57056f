# Files compiled into a program as bytes.
#
# qn_embed(<target> <prefix> <file>...) adds to <target>, for each file a.b, the symbols
#   const unsigned char <prefix>_a_b[] (with a zero after the last byte) and const size_t <prefix>_a_b_n,
# declared in the generated header <prefix>.h, which is in the target's include path.
# As a script (cmake -P, with IN, OUT, NAME) this file writes the C text of one of them.
if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
    file(READ "${IN}" hex HEX)
    string(LENGTH "${hex}" n)
    math(EXPR n "${n} / 2")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n"
        bytes "${bytes}")
    file(WRITE "${OUT}" "#include \"${HEADER}\"\n\nconst unsigned char ${NAME}[] = {\n${bytes}0};\n"
        "const size_t ${NAME}_n = ${n};\n")
    return()
endif()

function(qn_embed target prefix)
    set(dir "${CMAKE_BINARY_DIR}/generated/${prefix}")
    set(header "/* Generated: files compiled into the program. */\n#include <stddef.h>\n")
    foreach(file IN LISTS ARGN)
        get_filename_component(name "${file}" NAME)
        string(MAKE_C_IDENTIFIER "${prefix}_${name}" symbol)
        string(APPEND header "extern const unsigned char ${symbol}[];\nextern const size_t ${symbol}_n;\n")
        add_custom_command(
            OUTPUT "${dir}/${symbol}.c"
            COMMAND "${CMAKE_COMMAND}" "-DIN=${file}" "-DOUT=${dir}/${symbol}.c" "-DNAME=${symbol}"
                    "-DHEADER=${prefix}.h" -P "${CMAKE_SOURCE_DIR}/cmake/embed.cmake"
            DEPENDS "${file}" "${CMAKE_SOURCE_DIR}/cmake/embed.cmake"
            COMMENT "Embedding ${name}"
            VERBATIM)
        target_sources(${target} PRIVATE "${dir}/${symbol}.c")
    endforeach()
    file(CONFIGURE OUTPUT "${dir}/${prefix}.h" CONTENT "${header}" @ONLY)
    target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${dir}>")
endfunction()
