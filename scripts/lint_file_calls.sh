#!/usr/bin/env bash
# Finds calls that replace, remove or truncate files outside of storage/files/, where they are made safely. A line that needs one
# all the same says so: `// raw file call: WHY`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

free='(^|[^A-Za-z0-9_.>:])(::|std::)?(rename|renameat|renameat2|unlink|unlinkat|rmdir|truncate|ftruncate|fopen|freopen|creat|mkstemp)[[:space:]]*\('
named='(std|fs|filesystem)::(remove|remove_all|rename|resize_file|copy_file)[[:space:]]*\('
streams='(^|[^A-Za-z0-9_])(ofstream|basic_ofstream|fstream)([^A-Za-z0-9_>]|$)|O_TRUNC'
find_calls() {
  grep -HnE -e "$free" -e "$named" -e "$streams" -- "$@" | grep -vE '^[^:]*:[0-9]+:[[:space:]]*//' |
    grep -vF '// raw file call: ' || true
}

# It would notice each of these, or it is worth nothing.
canary=$(mktemp)
trap 'rm -f "$canary"' EXIT
printf '%s\n' '  ::rename(a, b);' '  if (rename(a, b) != 0)' '  (void)unlink(a);' '  std::ofstream out(a);' \
  '  fs::remove(a);' '  std::filesystem::remove_all(a);' '  open(a, O_WRONLY | O_TRUNC);' '  ftruncate(f, 0);' >"$canary"
if [[ $(find_calls "$canary" | wc -l) -ne 8 ]]; then
  echo "lint_file_calls: it misses what it has to find" >&2
  exit 1
fi
printf '%s\n' '  head.remove(a);' '  Status remove(const A& a) {' '  std::remove_if(a, b, c);' '  view->unlink(x);' \
  '  std::ifstream in(a);' '  // rename(2) is atomic' '  ftruncate(f, 0);  // raw file call: a test' >"$canary"
if [[ -n $(find_calls "$canary") ]]; then
  echo "lint_file_calls: it finds what is none" >&2
  exit 1
fi

sources=()
while IFS= read -r -d '' file; do
  case $file in
    storage/files/* | bench/harness/file_calls.* | bench/store/temporary_folder.h) ;;  # stands before them; removes what it has made
    *.cc | *.h) if [[ -f $file ]]; then sources+=("$file"); fi ;;
  esac
done < <(git ls-files -z --cached --others --exclude-standard -- apps bench bindings peer storage transport)
found=$(find_calls "${sources[@]}")
if [[ -n $found ]]; then
  echo "$found"
  echo "lint_file_calls: use storage/files/whole_file.h or storage/files/names.h" >&2
  exit 1
fi
