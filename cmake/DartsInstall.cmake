# cmake --install: programs, libraries, headers, the recipes and the Python helpers, and a CMake package.
# A consumer writes find_package(darts) and links darts::darts, or single rooms: darts::search.
include(CMakePackageConfigHelpers)

set(_darts_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/darts")
get_property(_darts_rooms GLOBAL PROPERTY DARTS_ROOMS)

add_library(darts_darts INTERFACE)
add_library(darts::darts ALIAS darts_darts)
set_target_properties(darts_darts PROPERTIES EXPORT_NAME darts)
target_link_libraries(darts_darts INTERFACE ${_darts_rooms})

install(TARGETS ${_darts_rooms} darts_darts EXPORT dartsTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT dartsTargets NAMESPACE darts:: DESTINATION "${_darts_package_dir}")

# LibTorch stays where it is, so installed programs remember its place: by name, since CMake's "link path"
# leaves out what lies in the source tree, as .venv does.
foreach(_darts_folder IN ITEMS apps bench)
  if(_darts_folder STREQUAL "bench" AND NOT DARTS_BUILD_BENCH)
    continue()
  endif()
  get_property(_darts_programs DIRECTORY "${PROJECT_SOURCE_DIR}/${_darts_folder}"
               PROPERTY BUILDSYSTEM_TARGETS)
  foreach(_darts_program IN LISTS _darts_programs)
    set_target_properties(${_darts_program} PROPERTIES INSTALL_RPATH "${LIBTORCH_ROOT}/lib"
                                                       INSTALL_RPATH_USE_LINK_PATH ON)
  endforeach()
endforeach()

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/darts" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/configs" DESTINATION "${CMAKE_INSTALL_DATADIR}/darts")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/scripts" DESTINATION "${CMAKE_INSTALL_DATADIR}/darts"
        USE_SOURCE_PERMISSIONS FILES_MATCHING PATTERN "*.py" PATTERN "page.html" PATTERN "page.css"
        PATTERN "*.js" PATTERN "requirements.txt"
        PATTERN "requirements-onnx.txt"
        PATTERN "check_venv.py" EXCLUDE PATTERN "gpu_check*" EXCLUDE PATTERN "__pycache__" EXCLUDE)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/CITATION.cff"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/dartsConfig.cmake.in" "${PROJECT_BINARY_DIR}/dartsConfig.cmake"
  INSTALL_DESTINATION "${_darts_package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/dartsConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(
  FILES "${PROJECT_BINARY_DIR}/dartsConfig.cmake" "${PROJECT_BINARY_DIR}/dartsConfigVersion.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/FindLibTorch.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/FindHighway.cmake"
  DESTINATION "${_darts_package_dir}")
