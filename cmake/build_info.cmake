# What `quern --version` tells: generated/build_info.h, in the include path of the tools only. The commit is read at
# every build (target qn_build_info_header) and the header is rewritten only when something changed.
set(QN_BUILD_COMPILER "${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}")
if(QN_HAVE_BLAS)
    set(QN_BUILD_OPTIONS "blas=on")
else()
    set(QN_BUILD_OPTIONS "blas=off")
endif()
if(QN_SANITIZE)
    string(APPEND QN_BUILD_OPTIONS " sanitize=${QN_SANITIZE}")
endif()

add_library(qn_build_info INTERFACE)
target_include_directories(qn_build_info INTERFACE "${CMAKE_BINARY_DIR}/generated/build_info")
add_custom_target(qn_build_info_header
    COMMAND "${CMAKE_COMMAND}"
        "-DTEMPLATE=${CMAKE_SOURCE_DIR}/cmake/build_info.h.in"
        "-DOUT=${CMAKE_BINARY_DIR}/generated/build_info/build_info.h"
        "-DSOURCE=${CMAKE_SOURCE_DIR}"
        "-DQN_VERSION=${PROJECT_VERSION}"
        "-DQN_BUILD_TYPE=${CMAKE_BUILD_TYPE}"
        "-DQN_BUILD_COMPILER=${QN_BUILD_COMPILER}"
        "-DQN_BUILD_TARGET=${CMAKE_SYSTEM_PROCESSOR}-${CMAKE_SYSTEM_NAME}"
        "-DQN_BUILD_OPTIONS=${QN_BUILD_OPTIONS}"
        "-DQN_BUILD_LIBRARIES=${QN_LIBRARIES_TEXT}"
        -P "${CMAKE_SOURCE_DIR}/cmake/write_build_info.cmake"
    BYPRODUCTS "${CMAKE_BINARY_DIR}/generated/build_info/build_info.h"
    COMMENT "Checking build information"
    VERBATIM)
