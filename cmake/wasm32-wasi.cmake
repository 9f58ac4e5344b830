# Toolchain: clang 19 with WASI's libc and libc++ for wasm32, no exceptions, no RTTI.
#
# The sysroot is made here, of links: WASI's own headers and libraries, and of the host's headers
# only Boost and xxhash. Without it clang also searches the host's include directory, and a host
# libc header could slip in where WASI has none.
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")  # for Platform/WASI.cmake
set(CMAKE_SYSTEM_NAME WASI)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_CXX_COMPILER_TARGET wasm32-wasi)
set(CMAKE_CXX_FLAGS_INIT "-fno-exceptions -fno-rtti")

get_filename_component(weft_sysroot "${CMAKE_CURRENT_LIST_DIR}/../build/wasm/sysroot" ABSOLUTE)
foreach(weft_entry include/wasm32-wasi include/boost include/xxhash.h lib/wasm32-wasi)
  if(NOT EXISTS "/usr/${weft_entry}")
    message(FATAL_ERROR "/usr/${weft_entry} is missing; scripts/install_deps.sh --test installs it")
  endif()
  get_filename_component(weft_parent "${weft_sysroot}/${weft_entry}" DIRECTORY)
  file(MAKE_DIRECTORY "${weft_parent}")
  file(CREATE_LINK "/usr/${weft_entry}" "${weft_sysroot}/${weft_entry}" SYMBOLIC)
endforeach()
set(CMAKE_SYSROOT "${weft_sysroot}")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
