# libquern_server: everything between a socket and a session. Files of server/page that are not C are compiled in.
file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/server/*.c" "${CMAKE_SOURCE_DIR}/server/codec/*.c"
    "${CMAKE_SOURCE_DIR}/server/page/*.c")
file(GLOB assets CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/server/page/*")
list(FILTER assets EXCLUDE REGEX "\\.(c|h|md|py)$")

if(sources AND QN_HAVE_ENGINE)
    add_library(quern_server STATIC ${sources})
    target_include_directories(quern_server PUBLIC "${CMAKE_SOURCE_DIR}" "${QN_ENGINE}")
    target_link_libraries(quern_server PUBLIC quern_static qn_flags PRIVATE qn_civetweb qn_cjson)
    if(assets)
        qn_embed(quern_server qn_page ${assets})
    endif()
endif()
