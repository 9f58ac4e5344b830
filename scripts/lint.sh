#!/usr/bin/env bash
# Checks the text of the tree: layout (clang-format 14), no paths of somebody's machine, a newline
# at each file's end, no value() of a result where bytes of strangers come by. Looks at what git
# tracks and at new files that it does not ignore.
#
# WEFT_TIDY=1 also runs clang-tidy over the core's and the programs' sources; that takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$(pwd)
failed=0

files=()
while IFS= read -r -d '' file; do
  # Not what is deleted but not committed yet, not links.
  if [[ -f $file && ! -L $file ]]; then files+=("$file"); fi
done < <(git ls-files -z --cached --others --exclude-standard)
if [[ ${#files[@]} -eq 0 ]]; then
  echo "lint: git lists no files here" >&2
  exit 1
fi
sources=()
for file in "${files[@]}"; do
  case $file in *.cc | *.h) sources+=("$file") ;; esac
done

echo "lint: clang-format over ${#sources[@]} files"
format=$(command -v clang-format-14 || command -v clang-format)
printf '%s\0' "${sources[@]}" |
  xargs -0 -n 16 -P "$(nproc)" "$format" --dry-run -Werror || failed=1

# Homes of users, this checkout, and what lies beside it unless that is a place that everybody has.
echo "lint: paths of this machine"
beside=$(dirname "$root")
places=$root
case $beside in
  / | /tmp | /var/tmp | /usr/src | /opt | /srv | /mnt) ;;
  *) places=$(find "$beside" -mindepth 1 -maxdepth 1 -type d) ;;
esac
# This file is left out: it lists what is forbidden.
search() {
  printf '%s\0' "${files[@]}" | grep -zvxF scripts/lint.sh | xargs -0 grep -HnI "$@" || true
}
found=$(
  search -E -e '(^|[^A-Za-z0-9_.~}-])/(home/[a-z]|root/|Users/[A-Za-z])'
  search -F -e "$places"
)
if [[ -n $found ]]; then
  echo "$found"
  failed=1
fi

# value() aborts where there is an error. Where bytes of strangers come by, errors are handed on or looked at first
# (crdt/base/result.h); proven() says what rules one out. What may stay: a counter's value and an error_code's.
echo "lint: value() of results"
guarded() {
  printf '%s\0' "${sources[@]}" | grep -zE '^(crdt|storage|transport|peer)/' |
    grep -zvxF crdt/base/result.h | xargs -0 grep -HnE "$@" || true
}
found=$(guarded '\.value\(\)' | grep -vE '[Cc]ounter[^;]*\.value\(\)|fault\.value\(\)' || true)
if [[ -n $found ]]; then
  echo "$found"
  echo "lint: hand errors on, or look at ok() first, or say with proven() what rules them out" >&2
  failed=1
fi

# While a delta is applied its own operations are not in the log yet: find_op() knows both.
found=$(grep -HnE 'log\.(find|origin)\(' crdt/document/{apply,deliver,registers,sequences}.cc || true)
if [[ -n $found ]]; then
  echo "$found"
  echo "lint: operations are looked up with find_op() here" >&2
  failed=1
fi

echo "lint: calls that replace, remove or truncate files"
scripts/lint_file_calls.sh || failed=1

echo "lint: newline at the end"
for file in "${files[@]}"; do
  [[ $file == tests/fuzz/corpus/* ]] && continue  # inputs are bytes, not text
  if [[ -s $file && -n $(tail -c 1 "$file" | tr -d '\n\0') ]] && grep -qI . "$file"; then
    echo "$file: no newline at the end" >&2
    failed=1
  fi
done

if [[ ${WEFT_TIDY:-0} == 1 ]]; then
  echo "lint: clang-tidy"
  cmake --preset clang >/dev/null
  tidied=()
  for file in "${sources[@]}"; do
    case $file in
      tests/*) ;;
      *.cc) tidied+=("$file") ;;
    esac
  done
  printf '%s\0' "${tidied[@]}" |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy --quiet -p build/clang || failed=1
fi

if [[ $failed -ne 0 ]]; then
  echo "lint: failed" >&2
  exit 1
fi
echo "lint: passed"
