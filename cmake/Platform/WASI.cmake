# CMake learns of WASI in 3.31; until then this is what it looks for.
set(WASI 1)
set(CMAKE_EXECUTABLE_SUFFIX ".wasm")
