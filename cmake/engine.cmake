# libquern: one object target per layer (qn_<folder>), joined into libquern.a (target quern_static) and libquern.so
# (target quern_shared). Everything is hidden except what quern.h marks QN_API.
set(QN_LAYERS base tensor kernels ir ops import passes plan run)
set(QN_ENGINE "${CMAKE_SOURCE_DIR}/engine")
set(QN_GENERATED "${CMAKE_BINARY_DIR}/generated")
set(QN_ENGINE_TARGETS "")

# Adds the object target qn_<name> unless there are no sources yet.
function(qn_layer name)
    if(NOT ARGN)
        return()
    endif()
    add_library(qn_${name} OBJECT ${ARGN})
    target_include_directories(qn_${name} PUBLIC "${QN_ENGINE}")
    target_link_libraries(qn_${name} PUBLIC qn_flags)
    list(APPEND QN_ENGINE_TARGETS qn_${name})
    set(QN_ENGINE_TARGETS "${QN_ENGINE_TARGETS}" PARENT_SCOPE)
endfunction()

# A file of engine/ops that defines the table qn_ops_<stem> is a family of operators; the others are machinery.
# What a file defines may change, so an edit of one configures again.
file(GLOB ops_sources CONFIGURE_DEPENDS "${QN_ENGINE}/ops/*.c")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ops_sources})
set(QN_OPS_STEMS "")
foreach(file IN LISTS ops_sources)
    get_filename_component(stem "${file}" NAME_WE)
    file(STRINGS "${file}" table REGEX "^const struct qn_op qn_ops_${stem}\\[\\]")
    if(table)
        list(APPEND QN_OPS_STEMS "${stem}")
    endif()
endforeach()
list(SORT QN_OPS_STEMS)

function(qn_write_ops_table out)
    set(externs "")
    set(rows "")
    foreach(stem IN LISTS QN_OPS_STEMS)
        string(APPEND externs "extern const struct qn_op qn_ops_${stem}[];\n")
        string(APPEND rows "    qn_ops_${stem},\n")
    endforeach()
    file(CONFIGURE OUTPUT "${out}" @ONLY CONTENT "/* Generated: every family of operators in engine/ops. */
#include \"ops/op.h\"

${externs}
const struct qn_op *const qn_ops_tables[] = {
${rows}    NULL,
};
")
endfunction()

foreach(layer IN LISTS QN_LAYERS)
    file(GLOB sources CONFIGURE_DEPENDS "${QN_ENGINE}/${layer}/*.c")
    if(layer STREQUAL "kernels")
        file(GLOB portable CONFIGURE_DEPENDS "${QN_ENGINE}/kernels/ref/*.c" "${QN_ENGINE}/kernels/simd/*.c")
        list(APPEND sources ${portable})
        if(QN_X86_64)
            file(GLOB special CONFIGURE_DEPENDS "${QN_ENGINE}/kernels/x86/*.c")
        elseif(QN_AARCH64)
            file(GLOB special CONFIGURE_DEPENDS "${QN_ENGINE}/kernels/arm/*.c")
        else()
            set(special "")
        endif()
        qn_kernel_flags(${special})
        list(APPEND sources ${special})
    elseif(layer STREQUAL "ops" AND sources)
        qn_write_ops_table("${QN_GENERATED}/ops/ops_table.c")
        list(APPEND sources "${QN_GENERATED}/ops/ops_table.c")
    endif()
    qn_layer(${layer} ${sources})
endforeach()
file(GLOB sources CONFIGURE_DEPENDS "${QN_ENGINE}/*.c")
qn_layer(session ${sources})

if(EXISTS "${QN_ENGINE}/base/status.c")
    set_source_files_properties("${QN_ENGINE}/base/status.c" PROPERTIES
        COMPILE_DEFINITIONS "QN_VERSION=\"${PROJECT_VERSION}\"")
endif()
if(TARGET qn_kernels AND QN_HAVE_BLAS)
    target_compile_definitions(qn_kernels PRIVATE QN_HAVE_BLAS)
    target_link_libraries(qn_kernels PRIVATE qn_blas)
endif()

# The schema is compiled at build time; only import sees the result.
file(GLOB schema CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/proto/onnx.proto")
if(TARGET qn_import AND schema)
    set(proto "${QN_GENERATED}/proto")
    file(MAKE_DIRECTORY "${proto}")
    add_custom_command(
        OUTPUT "${proto}/onnx.pb-c.c" "${proto}/onnx.pb-c.h"
        COMMAND "${QN_PROTOC_C}" "--proto_path=${CMAKE_SOURCE_DIR}/proto" "--c_out=${proto}" "${schema}"
        DEPENDS "${schema}"
        COMMENT "Compiling onnx.proto"
        VERBATIM)
    set_source_files_properties("${proto}/onnx.pb-c.c" PROPERTIES COMPILE_OPTIONS -w)
    target_sources(qn_import PRIVATE "${proto}/onnx.pb-c.c")
    target_include_directories(qn_import PRIVATE "${proto}")
    target_link_libraries(qn_import PRIVATE qn_protobuf_c)
endif()

set(QN_HAVE_ENGINE FALSE)
if(QN_ENGINE_TARGETS)
    set(QN_HAVE_ENGINE TRUE)
    set(objects "")
    foreach(target IN LISTS QN_ENGINE_TARGETS)
        list(APPEND objects "$<TARGET_OBJECTS:${target}>")
    endforeach()
    foreach(kind IN ITEMS static shared)
        string(TOUPPER ${kind} upper)
        add_library(quern_${kind} ${upper} ${objects})
        set_target_properties(quern_${kind} PROPERTIES OUTPUT_NAME quern PUBLIC_HEADER "${QN_ENGINE}/quern.h"
            VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE C)
        target_include_directories(quern_${kind} PUBLIC
            "$<BUILD_INTERFACE:${QN_ENGINE}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
        target_link_libraries(quern_${kind} PRIVATE "$<BUILD_INTERFACE:qn_flags>" qn_protobuf_c Threads::Threads m)
        if(QN_HAVE_BLAS)
            target_link_libraries(quern_${kind} PRIVATE qn_blas)
        endif()
    endforeach()
    if(NOT QN_SANITIZE)
        target_link_options(quern_shared PRIVATE -Wl,--no-undefined)
    endif()
endif()
