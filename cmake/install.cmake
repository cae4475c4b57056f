# Installation of the library: header, both libraries, a pkg-config file and a CMake package (find_package(quern)).
if(NOT TARGET quern_static)
    return()
endif()
include(CMakePackageConfigHelpers)

set(QN_PC_REQUIRES "libprotobuf-c")
if(QN_HAVE_BLAS)
    string(APPEND QN_PC_REQUIRES ", openblas")
endif()
string(REPLACE "," "" QN_PC_MODULES "${QN_PC_REQUIRES}")
configure_file(cmake/quern.pc.in "${CMAKE_BINARY_DIR}/quern.pc" @ONLY)
configure_package_config_file(cmake/quern-config.cmake.in "${CMAKE_BINARY_DIR}/quern-config.cmake"
    INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/quern"
    PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/quern-config-version.cmake" COMPATIBILITY SameMinorVersion)

install(TARGETS quern_static quern_shared
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    PUBLIC_HEADER DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${CMAKE_BINARY_DIR}/quern.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES "${CMAKE_BINARY_DIR}/quern-config.cmake" "${CMAKE_BINARY_DIR}/quern-config-version.cmake"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/quern")
