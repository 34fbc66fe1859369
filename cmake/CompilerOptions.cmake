# Language level, warnings and sanitizers for every target of the project: darts_options carries
# what only our own sources need (never exported), so that consumers are not given our warnings.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CUDA_STANDARD 17) # nvcc with CMake 3.25 knows no C++20; LibTorch's config enables CUDA

option(DARTS_WERROR "Treat warnings as errors" OFF)
set(DARTS_SANITIZE "" CACHE STRING "Sanitizers, comma separated (address,undefined)")

add_library(darts_options INTERFACE)
target_compile_options(
  darts_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                          $<$<BOOL:${DARTS_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlaps and overflows in std::string's operator+ that are not there (bug 105651).
  target_compile_options(darts_options INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow)
endif()
if(DARTS_SANITIZE)
  target_compile_options(darts_options INTERFACE -fsanitize=${DARTS_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(darts_options INTERFACE -fsanitize=${DARTS_SANITIZE})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Told that a precompiled header is named by the compiler's flags, without which it takes no source that
  # uses one, and known by its checksum; and that copies of the source tree in other folders are the same.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros;CCACHE_NOHASHDIR=1"
      "CCACHE_PCH_EXTSUM=1;CCACHE_BASEDIR=${PROJECT_SOURCE_DIR};${CCACHE_PROGRAM}")
  list(JOIN CMAKE_CXX_COMPILER_LAUNCHER ";" CMAKE_CXX_COMPILER_LAUNCHER)
endif()
