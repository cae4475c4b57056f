# Tests, found by name and registered with ctest; the label is the folder.
#   tests/<folder>/test_*.c         a cmocka program over the static engine, whose hidden symbols it can reach
#   tests/unit/server/test_*.c      the same over libquern_server
#   tests/<folder>/test_*.py        run with QN_PYTHON; QUERN in the environment names the command under test
#   tools/check_*                   label check: layers, style, format, symbols, headers, installation
# tests/support/*.c is linked into every C test; tests/kernels/test_gemm.c compares with OpenBLAS where that is found.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
find_program(QN_PYTHON NAMES python python3 HINTS "${CMAKE_SOURCE_DIR}/build/venv/bin" REQUIRED
    DOC "Python with the packages of tests/requirements.txt")
set(QN_TEST_TIMEOUT 600 CACHE STRING "Seconds a test may take")

# Without an operator's test there is no build: see engine/README.md.
set(missing "")
foreach(stem IN LISTS QN_OPS_STEMS)
    if(NOT EXISTS "${CMAKE_SOURCE_DIR}/tests/ops/test_${stem}.c")
        string(APPEND missing "\n  tests/ops/test_${stem}.c for engine/ops/${stem}.c")
    endif()
endforeach()
option(QN_UNTESTED_OPS "Build although an operator has no test yet: for work in progress only" OFF)
if(missing AND NOT QN_UNTESTED_OPS)
    message(FATAL_ERROR "Operator families without a test:${missing}")
endif()

set(test_environment "LC_ALL=C.UTF-8")
if(QN_SANITIZE)
    # detect_stack_use_after_return stays off: GCC's fake stack is not aligned for 64-byte vectors (GCC PR 110027).
    list(APPEND test_environment "ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1"
        "UBSAN_OPTIONS=print_stacktrace=1" "TSAN_OPTIONS=halt_on_error=1")
endif()

add_library(qn_test_flags INTERFACE)
target_include_directories(qn_test_flags INTERFACE "${CMAKE_SOURCE_DIR}/tests" "${CMAKE_SOURCE_DIR}/tests/support"
    "${CMAKE_SOURCE_DIR}" "${QN_ENGINE}")
target_compile_definitions(qn_test_flags INTERFACE "QN_SOURCE_DIR=\"${CMAKE_SOURCE_DIR}\"")
target_link_libraries(qn_test_flags INTERFACE qn_flags PkgConfig::CMOCKA m)

file(GLOB support CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/support/*.c")
if(support AND QN_HAVE_ENGINE)
    add_library(qn_test_support STATIC ${support})
    target_link_libraries(qn_test_support PUBLIC qn_test_flags quern_static)
endif()

# One program and one ctest entry per file of the folder.
function(qn_c_tests folder label)
    file(GLOB files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${folder}/test_*.c")
    string(REPLACE "/" "_" prefix "${folder}")
    foreach(file IN LISTS files)
        get_filename_component(name "${file}" NAME_WE)
        set(target "${prefix}_${name}")
        add_executable(${target} "${file}")
        set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/${folder}"
            OUTPUT_NAME "${name}")
        target_link_libraries(${target} PRIVATE qn_test_flags ${ARGN})
        if(TARGET qn_test_support)
            target_link_libraries(${target} PRIVATE qn_test_support)
        endif()
        target_link_libraries(${target} PRIVATE quern_static)
        add_test(NAME "${folder}/${name}" COMMAND ${target} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
        set_tests_properties("${folder}/${name}" PROPERTIES LABELS "${label}" TIMEOUT ${QN_TEST_TIMEOUT}
            ENVIRONMENT "${test_environment}")
    endforeach()
endfunction()

if(QN_HAVE_ENGINE)
    foreach(folder IN ITEMS unit ops kernels passes onnx models)
        qn_c_tests(${folder} ${folder})
    endforeach()
    # What this test lets fail.
    foreach(call IN ITEMS malloc calloc realloc aligned_alloc mmap64 realpath pthread_create)
        target_link_options(unit_test_out_of_memory PRIVATE "-Wl,--wrap=${call}")
    endforeach()
    if(TARGET qn_blas)
        target_compile_definitions(kernels_test_gemm PRIVATE QN_HAVE_BLAS)
        target_link_libraries(kernels_test_gemm PRIVATE qn_blas)
    endif()
    if(TARGET quern_server)
        qn_c_tests(unit/server unit quern_server)
    endif()
endif()

if(TARGET quern)
    file(GLOB files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/*/test_*.py")
    foreach(file IN LISTS files)
        get_filename_component(name "${file}" NAME_WE)
        get_filename_component(folder "${file}" DIRECTORY)
        get_filename_component(folder "${folder}" NAME)
        add_test(NAME "${folder}/${name}.py" COMMAND "${QN_PYTHON}" "${file}" WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
        set_tests_properties("${folder}/${name}.py" PROPERTIES LABELS "${folder};python" TIMEOUT ${QN_TEST_TIMEOUT}
            ENVIRONMENT "${test_environment};QUERN=$<TARGET_FILE:quern>")
    endforeach()
endif()

# Checks of the sources and of what was built; one build's answer is enough, so sanitizer builds leave them out.
function(qn_check name)
    add_test(NAME "check/${name}" COMMAND ${ARGN} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    set_tests_properties("check/${name}" PROPERTIES LABELS check TIMEOUT ${QN_TEST_TIMEOUT})
endfunction()

if(NOT QN_SANITIZE)
    find_program(QN_CXX NAMES g++ c++ clang++ REQUIRED DOC "C++ compiler, only to check that quern.h suits C++")
    find_program(QN_CLANG_FORMAT clang-format REQUIRED)
    mark_as_advanced(QN_CXX QN_CLANG_FORMAT)
    set(tools "${CMAKE_SOURCE_DIR}/tools")
    qn_check(layers "${QN_PYTHON}" "${tools}/check_layers")
    qn_check(style "${QN_PYTHON}" "${tools}/check_style")
    qn_check(format "${CMAKE_SOURCE_DIR}/script/fmt" --check)
    qn_check(headers "${tools}/check_headers" "${CMAKE_C_COMPILER}" "${QN_CXX}" "${CMAKE_BINARY_DIR}/generated/proto")
    if(QN_HAVE_ENGINE)
        set(archives "$<TARGET_FILE:quern_static>")
        if(TARGET quern_server)
            list(APPEND archives "$<TARGET_FILE:quern_server>")
        endif()
        qn_check(symbols "${QN_PYTHON}" "${tools}/check_symbols" engine/quern.h
            "$<TARGET_FILE:quern_shared>" ${archives})
        qn_check(install "${tools}/check_install" "${CMAKE_BINARY_DIR}" "${CMAKE_C_COMPILER}" "${CMAKE_COMMAND}")
    endif()
endif()
