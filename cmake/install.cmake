# Installation of the library: header, both libraries, a pkg-config file and a CMake package (find_package(quern)).
if(NOT TARGET quern_static)
    return()
endif()
include(CMakePackageConfigHelpers)

# OpenBLAS is named by its library: its own pkg-config file asks for a Fortran compiler's libraries in static links.
set(QN_PACKAGE_MODULES libprotobuf-c)
set(QN_PC_BLAS "")
if(QN_HAVE_BLAS)
    list(APPEND QN_PACKAGE_MODULES openblas)
    list(JOIN OPENBLAS_LDFLAGS " " QN_PC_BLAS)
endif()
list(JOIN QN_PACKAGE_MODULES " " QN_PACKAGE_MODULES)

# Relative, so that an installation can be moved, or made elsewhere with --prefix.
file(RELATIVE_PATH QN_PC_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
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
