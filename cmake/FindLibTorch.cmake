# Finds LibTorch and offers it as the imported target LibTorch::LibTorch, and as LibTorch::Cuda what a source
# needs that uses CUDA's part: its headers and, where it is there, the definition DARTS_WITH_CUDA.
#
# Where it looks: LIBTORCH_ROOT (a folder with include/ and lib/), else the virtual environment
# .venv of the source tree (scripts/setup.sh makes it), else the Python on the PATH.
#
#   DARTS_CUDA=ON   the wheel's own TorchConfig.cmake, which brings CUDA, cuDNN and NCCL
#   DARTS_CUDA=OFF  libtorch_cpu.so and libc10.so alone: TorchConfig.cmake of the CUDA wheel insists on
#                   a CUDA toolkit, although these two libraries need no more than cudart and cupti,
#                   which their run path finds beside them.
#
# Whoever uses LibTorch::LibTorch alone is compiled with the same flags in both cases.
include(FindPackageHandleStandardArgs)

if(NOT LIBTORCH_ROOT)
  file(GLOB _libtorch_in_venv "${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
  if(_libtorch_in_venv)
    list(GET _libtorch_in_venv 0 LIBTORCH_ROOT)
  else()
    execute_process(
      COMMAND python3 -c
              "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
      OUTPUT_VARIABLE LIBTORCH_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()
set(LIBTORCH_ROOT "${LIBTORCH_ROOT}" CACHE PATH "Folder of LibTorch, with include/ and lib/")

find_path(LibTorch_INCLUDE_DIR torch/script.h PATHS "${LIBTORCH_ROOT}/include" NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS "${LIBTORCH_ROOT}/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS "${LIBTORCH_ROOT}/lib" NO_DEFAULT_PATH)
if(EXISTS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h")
  file(STRINGS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h" _libtorch_version
       REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^0-9;]" "" _libtorch_version "${_libtorch_version}")
  string(REPLACE ";" "." LibTorch_VERSION "${_libtorch_version}")
endif()

find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run scripts/setup.sh, or pass -DLIBTORCH_ROOT=<folder of LibTorch>")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  add_library(LibTorch::Cuda INTERFACE IMPORTED)
  if(DARTS_CUDA)
    # TorchConfig asks the GPU for its architecture; without one, or in a build for other machines,
    # the list has to be given. No CUDA code of our own depends on it. The other two settings keep it
    # from warning of things that do not concern us (our own architectures; a static kineto).
    set(CMAKE_CUDA_ARCHITECTURES OFF)
    set(kineto_LIBRARY "${LibTorch_C10_LIBRARY}" CACHE INTERNAL "the wheel has no static kineto")
    if(NOT DEFINED TORCH_CUDA_ARCH_LIST AND NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST})
      set(TORCH_CUDA_ARCH_LIST "8.0;9.0")
    endif()
    find_package(Torch REQUIRED PATHS "${LIBTORCH_ROOT}/share/cmake/Torch" NO_DEFAULT_PATH)
    set_target_properties(LibTorch::Cuda PROPERTIES INTERFACE_LINK_LIBRARIES "${TORCH_LIBRARIES}"
                                                    INTERFACE_COMPILE_DEFINITIONS DARTS_WITH_CUDA)
    set(_libtorch_libraries "${TORCH_LIBRARIES}")
    list(TRANSFORM _libtorch_libraries REPLACE "(.+)" "$<LINK_ONLY:\\1>")
  else()
    set(_libtorch_libraries "${LibTorch_CPU_LIBRARY}" "${LibTorch_C10_LIBRARY}")
  endif()
  # LibTorch's libraries export the std::filesystem of the compiler that built them, whose remove_all
  # crashes with a newer libstdc++. Symbols come from the first library that has them: ours.
  list(PREPEND _libtorch_libraries stdc++)
  # LibTorch is built with NDEBUG, and the layout of some of its classes (at::RecordFunction) depends on
  # it: whoever includes its headers has to agree, in debug builds too.
  set_target_properties(
    LibTorch::LibTorch
    PROPERTIES INTERFACE_LINK_LIBRARIES "${_libtorch_libraries}"
               INTERFACE_COMPILE_DEFINITIONS NDEBUG
               INTERFACE_INCLUDE_DIRECTORIES
               "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
endif()
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)
