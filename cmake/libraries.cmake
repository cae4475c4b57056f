# Third-party libraries, one target each, so that each is linked and seen only where it belongs:
#   qn_protobuf_c  structure of ONNX files (engine/import)      qn_civetweb  HTTP transport (server/http.c)
#   qn_cjson       configuration and reports (server, tools)    qn_blas      OpenBLAS (engine/kernels/blas.c, tests)
#   qn_zlib        .npz files (tools/zip.c)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4)
add_library(qn_protobuf_c ALIAS PkgConfig::PROTOBUF_C)
find_program(QN_PROTOC_C protoc-c REQUIRED)
mark_as_advanced(QN_PROTOC_C)

pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
add_library(qn_cjson ALIAS PkgConfig::CJSON)

# numpy.savez_compressed deflates the arrays of an .npz file.
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
add_library(qn_zlib ALIAS PkgConfig::ZLIB)

# Debian ships civetweb without a pkg-config file.
find_path(QN_CIVETWEB_INCLUDE civetweb.h REQUIRED)
find_library(QN_CIVETWEB_LIBRARY civetweb REQUIRED)
mark_as_advanced(QN_CIVETWEB_INCLUDE QN_CIVETWEB_LIBRARY)
file(STRINGS "${QN_CIVETWEB_INCLUDE}/civetweb.h" civetweb_line REGEX "define CIVETWEB_VERSION \"")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" QN_CIVETWEB_VERSION "${civetweb_line}")
add_library(qn_civetweb UNKNOWN IMPORTED)
set_target_properties(qn_civetweb PROPERTIES
    IMPORTED_LOCATION "${QN_CIVETWEB_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${QN_CIVETWEB_INCLUDE}"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS}")

# x86-64 has kernels of its own; there OpenBLAS only checks them, in the tests, where found.
if(QN_X86_64)
    set(blas_default OFF)
else()
    set(blas_default ON)
endif()
option(QN_BLAS "Use OpenBLAS, where found, for float64 products at the generic CPU level" ${blas_default})
set(QN_HAVE_BLAS FALSE)
if(QN_BLAS OR QN_TESTS)
    pkg_check_modules(OPENBLAS IMPORTED_TARGET openblas)
endif()
if(TARGET PkgConfig::OPENBLAS)
    add_library(qn_blas ALIAS PkgConfig::OPENBLAS)
    set(QN_HAVE_BLAS ${QN_BLAS})
endif()

set(QN_LIBRARIES_TEXT "protobuf-c ${PROTOBUF_C_VERSION}, civetweb ${QN_CIVETWEB_VERSION}, cJSON ${CJSON_VERSION}")
string(APPEND QN_LIBRARIES_TEXT ", zlib ${ZLIB_VERSION}")
if(QN_HAVE_BLAS)
    string(APPEND QN_LIBRARIES_TEXT ", OpenBLAS ${OPENBLAS_VERSION}")
endif()
