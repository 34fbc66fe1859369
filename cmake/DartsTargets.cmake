# darts_add_room(NAME SOURCES … DEPENDS …): one layer of the project as a static library darts_NAME
# (exported as darts::NAME), with the shared precompiled header and our warnings.
function(darts_add_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(darts_${name} STATIC ${ARG_SOURCES})
  add_library(darts::${name} ALIAS darts_${name})
  set_target_properties(darts_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(darts_${name} PUBLIC cxx_std_20)
  target_include_directories(
    darts_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                         $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(darts_${name} PUBLIC LibTorch::LibTorch ${ARG_DEPENDS}
                        PRIVATE ${ARG_PRIVATE_DEPENDS} $<BUILD_INTERFACE:darts_options>)
  darts_use_precompiled_header(darts_${name})
  set_property(GLOBAL APPEND PROPERTY DARTS_ROOMS darts_${name})
endfunction()

# darts_add_program(NAME SOURCES … DEPENDS …): a program in build/<preset>/bin, installed. Its target is
# NAME_program, since a room may have its name: darts_search.
function(darts_add_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  set(target ${name}_program)
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE ${ARG_DEPENDS} darts_options)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name}
                                             RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  darts_use_precompiled_header(${target})
  install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# LibTorch's headers cost seconds a file. They are compiled once, in darts_pch, and every room reuses
# the result; sources still include what they use, so that a build without it works as well.
function(darts_use_precompiled_header target)
  if(NOT DARTS_PCH)
    return()
  endif()
  if(NOT TARGET darts_pch)
    file(WRITE "${PROJECT_BINARY_DIR}/darts_pch.cpp" "")
    add_library(darts_pch STATIC "${PROJECT_BINARY_DIR}/darts_pch.cpp")
    target_compile_features(darts_pch PUBLIC cxx_std_20)
    target_link_libraries(darts_pch PRIVATE LibTorch::LibTorch darts_options)
    target_precompile_headers(darts_pch PRIVATE "${PROJECT_SOURCE_DIR}/src/precompiled.hpp")
    if(CCACHE_PROGRAM)
      set_property(TARGET darts_pch PROPERTY CXX_COMPILER_LAUNCHER "${PROJECT_SOURCE_DIR}/cmake/precompile.sh"
                                             ${CMAKE_CXX_COMPILER_LAUNCHER})
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM darts_pch)
  get_target_property(_type ${target} TYPE)
  if(_type STREQUAL "EXECUTABLE")
    # GCC takes a precompiled header only with the same -fPIC, where CMake gives programs -fPIE.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
endfunction()
