# darts_add_build_info(TARGET): gives TARGET the private header <darts_build_info.hpp> with the
# program's version and the git revision. Every build asks git again (milliseconds) and writes the
# header only when the answer changed, so that nothing is rebuilt for nothing. Without git, or in a
# source archive, the revision is "unknown".
#
# The file is also the script that such a build runs:
#   cmake -DOUTPUT=… -DSOURCE_DIR=… -DVERSION=… -P GitRevision.cmake
if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  set(revision "unknown")
  find_program(GIT_EXECUTABLE git)
  if(GIT_EXECUTABLE AND EXISTS "${SOURCE_DIR}/.git") # not a repository that happens to lie above
    execute_process(
      COMMAND "${GIT_EXECUTABLE}" -c "safe.directory=${SOURCE_DIR}" describe --always --dirty
              --abbrev=12 --exclude=*
      WORKING_DIRECTORY "${SOURCE_DIR}" OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE
      ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed AND described MATCHES "^[0-9a-f]+(-dirty)?$")
      set(revision "${described}")
    endif()
  endif()
  set(text
      "#pragma once

#include <string_view>

namespace darts::build_info {
inline constexpr std::string_view version = \"${VERSION}\";
inline constexpr std::string_view revision = \"${revision}\";
}  // namespace darts::build_info
")
  set(before "")
  if(EXISTS "${OUTPUT}")
    file(READ "${OUTPUT}" before)
  endif()
  if(NOT before STREQUAL text)
    file(WRITE "${OUTPUT}" "${text}")
  endif()
  return()
endif()

set(_darts_git_revision_script "${CMAKE_CURRENT_LIST_FILE}")

function(darts_add_build_info target)
  set(folder "${PROJECT_BINARY_DIR}/generated")
  add_custom_target(
    ${target}_build_info
    COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${folder}/darts_build_info.hpp"
            "-DSOURCE_DIR=${PROJECT_SOURCE_DIR}" "-DVERSION=${PROJECT_VERSION}" -P
            "${_darts_git_revision_script}"
    BYPRODUCTS "${folder}/darts_build_info.hpp"
    COMMENT "Asking git for the revision"
    VERBATIM)
  add_dependencies(${target} ${target}_build_info)
  target_include_directories(${target} PRIVATE "${folder}")
endfunction()
