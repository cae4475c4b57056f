# How every C file is compiled and linked. Target qn_flags carries it; qn_kernel_flags() adds what a SIMD file needs.
#
# The same bits everywhere: no -ffast-math, and no contraction into FMA by the compiler (-ffp-contract=off), so that
# only intrinsics decide. errno and trapping floating point are never looked at, which frees the vectoriser.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()

find_program(QN_CCACHE ccache)
mark_as_advanced(QN_CCACHE)
if(QN_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER "${QN_CCACHE}")
endif()

include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

include(CheckCCompilerFlag)
include(CheckLinkerFlag)

add_library(qn_flags INTERFACE)
target_compile_definitions(qn_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE _FILE_OFFSET_BITS=64)
target_compile_options(qn_flags INTERFACE
    -Wall -Wextra -Wshadow -Wvla -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wformat-security
    -fno-strict-aliasing -ffp-contract=off -fno-math-errno -fno-trapping-math
    -ffunction-sections -fdata-sections "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
if(QN_WERROR)
    # -Wmaybe-uninitialized guesses, differently in every version of the compiler and wrongly under sanitizers.
    target_compile_options(qn_flags INTERFACE -Werror -Wno-error=maybe-uninitialized)
endif()

# Hardening. FORTIFY needs optimisation and gets in the way of the address sanitizer's own interceptors.
foreach(flag IN ITEMS -fstack-protector-strong -fstack-clash-protection -fcf-protection)
    string(MAKE_C_IDENTIFIER "QN_HAS${flag}" has)
    check_c_compiler_flag("${flag}" ${has})
    if(${has})
        target_compile_options(qn_flags INTERFACE "${flag}")
    endif()
endforeach()
if(NOT QN_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(qn_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
foreach(flag IN ITEMS -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed)
    string(MAKE_C_IDENTIFIER "QN_LINKS${flag}" has)
    check_linker_flag(C "${flag}" ${has})
    if(${has})
        target_link_options(qn_flags INTERFACE "${flag}")
    endif()
endforeach()

if(QN_SANITIZE)
    set(sanitize "-fsanitize=${QN_SANITIZE}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(qn_flags INTERFACE ${sanitize} -Wno-maybe-uninitialized)
    target_link_options(qn_flags INTERFACE ${sanitize})
endif()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(QN_X86_64 TRUE)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(QN_AARCH64 TRUE)
endif()

# Instruction sets by file name: <name>_avx2.c, <name>_avx512.c, <name>_avx512vnni.c. Other files keep the base.
function(qn_kernel_flags)
    set(avx2 -mavx2 -mfma -mf16c)
    set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
    foreach(file IN LISTS ARGN)
        if(file MATCHES "_avx512vnni\\.c$")
            set_source_files_properties("${file}" PROPERTIES COMPILE_OPTIONS "${avx512};-mavx512vnni")
        elseif(file MATCHES "_avx512\\.c$")
            set_source_files_properties("${file}" PROPERTIES COMPILE_OPTIONS "${avx512}")
        elseif(file MATCHES "_avx2\\.c$")
            set_source_files_properties("${file}" PROPERTIES COMPILE_OPTIONS "${avx2}")
        endif()
    endforeach()
endfunction()
