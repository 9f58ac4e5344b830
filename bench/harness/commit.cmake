# Writes the current commit into ${output} if it changed; run at each build, so that the name in a
# benchmark's results is never that of the day of configuration.
find_package(Git QUIET)
set(commit "unknown")
if(GIT_FOUND)
  execute_process(
    COMMAND "${GIT_EXECUTABLE}" describe --always --dirty --abbrev=12 --exclude=*
    WORKING_DIRECTORY "${source}" OUTPUT_VARIABLE described RESULT_VARIABLE failed
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failed AND described)
    set(commit "${described}")
  endif()
endif()
set(content "#pragma once\n#define WEFT_BENCH_COMMIT \"${commit}\"\n")
set(previous "")
if(EXISTS "${output}")
  file(READ "${output}" previous)
endif()
if(NOT previous STREQUAL content)
  file(WRITE "${output}" "${content}")
endif()
