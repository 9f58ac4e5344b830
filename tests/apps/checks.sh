# What the tests of the command line share; they source it with their arguments: PATH_OF_WEFT. It leaves them in a
# new directory with `weft`, `tests` (this tree's), the functions below, and `finish`, which they end with.
# shellcheck shell=bash
set -uo pipefail

tests=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
weft=$(realpath "${1:?usage: $0 PATH_OF_WEFT}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset WEFT_DATA
checks=0
failures=0
skipped=0

fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  shift
  printf '  %s\n' "$@"
}

# run COMMAND...: sets code, out and err. Its standard input is nothing, or what $input names.
input=/dev/null
run() {
  "$@" >out.txt 2>err.txt <"$input"
  code=$?
  out=$(cat out.txt)
  err=$(cat err.txt)
}

# ok TEXT COMMAND...: succeeds, and standard output holds TEXT.
ok() {
  local text=$1
  shift
  checks=$((checks + 1))
  run "$@"
  if [[ $code -ne 0 || $out != *"$text"* ]]; then
    fail "$*" "expected exit code 0 and: $text" "exit code: $code" "stdout: $out" "stderr: $err"
  fi
}

# prints TEXT COMMAND...: succeeds, and standard output is TEXT.
prints() {
  local text=$1
  shift
  checks=$((checks + 1))
  run "$@"
  if [[ $code -ne 0 || $out != "$text" ]]; then
    fail "$*" "expected exit code 0 and just: $text" "exit code: $code" "stdout: $out" \
      "stderr: $err"
  fi
}

# refused CODE TEXT COMMAND...: exits with CODE, says TEXT on standard error and nothing else.
refused() {
  local wanted=$1 text=$2
  shift 2
  checks=$((checks + 1))
  run "$@"
  if [[ $code -ne $wanted || $err != *"$text"* || -n $out ]]; then
    fail "$*" "expected exit code $wanted and on stderr: $text" "exit code: $code" \
      "stdout: $out" "stderr: $err"
  fi
}

# noted TEXT: the last command said TEXT on standard error beside its result.
noted() {
  checks=$((checks + 1))
  [[ $err == *"$1"* ]] || fail "a note: $1" "stdout: $out" "stderr: $err"
}

# broken OUT ERR COMMAND...: exits with 1, standard output is like OUT, a pattern, and standard error holds ERR.
broken() {
  local wanted=$1 text=$2
  shift 2
  checks=$((checks + 1))
  run "$@"
  # shellcheck disable=SC2053
  if [[ $code -ne 1 || $out != $wanted || $err != *"$text"* ]]; then
    fail "$*" "expected exit code 1, on stdout: $wanted" "and on stderr: $text" "exit code: $code" \
      "stdout: $out" "stderr: $err"
  fi
}

# partly TEXT COMMAND...: exits with 3, not everything could be done, and says TEXT on standard output.
partly() {
  local text=$1
  shift
  checks=$((checks + 1))
  run "$@"
  if [[ $code -ne 3 || $out != *"$text"* ]]; then
    fail "$*" "expected exit code 3 and: $text" "exit code: $code" "stdout: $out" "stderr: $err"
  fi
}

# skip TEXT: something was left out, since what it needs is not here.
skip() {
  skipped=$((skipped + 1))
  echo "skipped: $1"
}

# skip_missing_data TEXT: recorded data is not there, which fails where WEFT_REQUIRE_DATA is set.
skip_missing_data() {
  skip "$1"
  checks=$((checks + 1))
  [[ -z ${WEFT_REQUIRE_DATA:-} ]] || fail "recorded data, since WEFT_REQUIRE_DATA is set" "$1"
}

# Exit code 0: all checks passed; 77: those that were made; 1: some failed, each was printed with what came instead.
finish() {
  echo "$checks checks, $failures failed, $skipped skipped"
  [[ $failures -eq 0 ]] || exit 1
  [[ $skipped -eq 0 ]] || exit 77
  exit 0
}
