#!/usr/bin/env bash
# Every check of the project, in stages; stops at the first stage that fails and names it.
#
#   release     g++ build, every header by itself, all tests
#   sanitizers  clang++, all but the core without optimization, with address and undefined sanitizers, all tests at the smallest size
#   compilers   the conformance digests of the g++ and the sanitizers' clang++ build are equal
#   odr         no name has two meanings, over all that lies in one process
#   fuzz        each fuzzer for a while
#   wasm        the core for WebAssembly
#   lint        layout and text of the tree
#
# WEFT_SIZE=ci|full    how much randomized tests do (default ci); tests read it. `smoke`, the
#                      smallest, is what the sanitizer stage hands to them.
# WEFT_FUZZ_SECONDS    time for each fuzzer (default 20, two at a time: three minutes)
# WEFT_TIDY=1          clang-tidy as a part of lint
# WEFT_SEED, WEFT_DATA are handed on to the tests. Where recorded data lies (WEFT_DATA, else ../shared/data), a test that
# does without it fails: WEFT_REQUIRE_DATA is set.
#
# The last line is `N passed, M failed`, and `, K skipped` behind it where tests left something out; these are named
# before it. A stage that fails without ctest counts as one that failed.
set -euo pipefail
# Before the cd: it may be relative to where the caller stands.
if [[ -n ${WEFT_DATA:-} ]]; then
  WEFT_DATA=$(realpath -m "$WEFT_DATA")
  export WEFT_DATA
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export WEFT_SIZE=${WEFT_SIZE:-ci}
case $WEFT_SIZE in
  ci | full) ;;
  *)
    echo "test: WEFT_SIZE is '$WEFT_SIZE'; it can be ci or full" >&2
    exit 2
    ;;
esac
export WEFT_FUZZ_SECONDS=${WEFT_FUZZ_SECONDS:-20}
if [[ -d ${WEFT_DATA:-../shared/data}/dashboards && -d ${WEFT_DATA:-../shared/data}/traces ]]; then
  export WEFT_REQUIRE_DATA=1
fi
jobs=$(nproc)

current_stage='install'
passed_count=0
failed_count=0
skipped_count=0
on_exit() {
  local status=$?
  echo
  if [[ $status -ne 0 ]]; then
    echo "test: FAILED in stage '$current_stage'"
    if [[ $failed_count -eq 0 ]]; then failed_count=1; fi
  else
    echo "test: all stages passed after $SECONDS s"
  fi
  print_counts
}
trap on_exit EXIT

print_counts() {
  local skipped=''
  if [[ $skipped_count -ne 0 ]]; then skipped=", $skipped_count skipped"; fi
  echo "$passed_count passed, $failed_count failed$skipped"
}

# stage NAME FUNCTION: must not stand in a condition, where bash would ignore `set -e` inside.
stage() {
  current_stage=$1
  local begin=$SECONDS
  echo
  echo "=== $1"
  "$2"
  echo "=== $1: passed after $((SECONDS - begin)) s"
}

# run_ctest PRESET: counts what ctest's own closing lines say, and fails where they are missing.
run_ctest() {
  local log=build/$1/ctest.log status=0 counts skipped
  ctest --preset "$1" -j "$jobs" 2>&1 | tee "$log" || status=$?
  counts=$(sed -n 's/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$log")
  if [[ -z $counts ]]; then
    echo "test: ctest's summary line is missing" >&2
    return 1
  fi
  # ctest counts those that were skipped as passed, and lists them behind its summary.
  skipped=$(sed -n 's/^[[:space:]]*[0-9]* - \(.*\) (Skipped)$/\1/p' "$log")
  if [[ -n $skipped ]]; then
    skipped_count=$((skipped_count + $(wc -l <<<"$skipped")))
    passed_count=$((passed_count - $(wc -l <<<"$skipped")))
    sed 's/^/test: skipped in part: /' <<<"$skipped"
  fi
  failed_count=$((failed_count + ${counts% *}))
  passed_count=$((passed_count + ${counts#* } - ${counts% *}))
  return "$status"
}

release_stage() {
  cmake --preset release
  cmake --build --preset release -j "$jobs"
  cmake --build --preset release -j "$jobs" --target weft_crdt_verify_interface_header_sets
  run_ctest release
}

sanitizers_stage() {
  cmake --preset asan-ubsan
  cmake --build --preset asan-ubsan -j "$jobs"
  local size=$WEFT_SIZE
  WEFT_SIZE=smoke
  run_ctest asan-ubsan
  WEFT_SIZE=$size
}

# clang++'s build is the sanitizers' one; WEFT_SIZE=full makes an optimized one, too.
compilers_stage() {
  local clang=asan-ubsan
  if [[ $WEFT_SIZE == full ]]; then
    clang=clang
    cmake --preset clang
    cmake --build --preset clang -j "$jobs" --target weft_conformance_digest
  fi
  build/release/weft_conformance_digest >build/digest-gcc.txt
  "build/$clang/weft_conformance_digest" >build/digest-clang.txt
  if [[ ! -s build/digest-gcc.txt ]]; then
    echo "test: weft_conformance_digest printed nothing" >&2
    return 1
  fi
  diff -u build/digest-gcc.txt build/digest-clang.txt
  echo "test: g++ and clang++ agree on $(wc -l <build/digest-gcc.txt) lines of digests"
}

# Of every layer and of the command line; that tests pass without optimization shows the sanitizers' stage.
odr_stage() {
  cmake --preset odr
  local objects
  objects=$(ninja -C build/odr -t inputs weft weft_simulation | grep '\.o$')
  # shellcheck disable=SC2086  # their names hold no spaces
  ninja -C build/odr -j "$jobs" $objects
  bash scripts/odr.sh build/odr
}

# One fuzzer; runs in a shell of its own. New inputs go to the first directory, which stays; seeds are made anew.
fuzz_one() {
  local target=$1 log=build/asan-ubsan/$1.log
  local directories=("build/fuzz-corpus/$target" "build/fuzz-seeds/$target")
  mkdir -p "build/fuzz-corpus/$target" build/fuzz-artifacts
  rm -rf "build/fuzz-seeds/$target"
  WEFT_FUZZ_SEEDS="build/fuzz-seeds/$target" "build/asan-ubsan/$target"
  if [[ -d tests/fuzz/corpus/$target ]]; then directories+=("tests/fuzz/corpus/$target"); fi
  if ! "build/asan-ubsan/$target" -max_total_time="$WEFT_FUZZ_SECONDS" -rss_limit_mb=2048 -timeout=20 \
    -print_final_stats=1 -artifact_prefix="build/fuzz-artifacts/$target-" \
    "${directories[@]}" >"$log" 2>&1; then
    tail -n 60 "$log"
    echo "fuzz: $target FAILED; whole log in $log, input in build/fuzz-artifacts/"
    return 1
  fi
  echo "fuzz: $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
    "$(find "build/fuzz-corpus/$target" -type f | wc -l) in its corpus"
}
export -f fuzz_one

# The sanitizers' build has the fuzzers, too.
fuzz_stage() {
  cmake --build --preset asan-ubsan -j "$jobs" --target weft_fuzz_targets
  if [[ ! -s build/asan-ubsan/fuzz_targets.txt ]]; then
    echo "test: there are no fuzz targets" >&2
    return 1
  fi
  # shellcheck disable=SC2016  # $1 is for the inner shell
  xargs -P "$jobs" -I '{}' bash -euo pipefail -c 'fuzz_one "$1"' fuzz '{}' \
    <build/asan-ubsan/fuzz_targets.txt
}

wasm_stage() { bash scripts/wasm.sh; }
lint_stage() { bash scripts/lint.sh; }

bash scripts/install_deps.sh --test
stage release release_stage
stage sanitizers sanitizers_stage
stage compilers compilers_stage
stage odr odr_stage
stage fuzz fuzz_stage
stage wasm wasm_stage
stage lint lint_stage

current_stage='summary'
