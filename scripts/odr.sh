#!/usr/bin/env bash
# Finds names that are defined twice with different meanings: two classes of one name in two folders, of
# which the linker keeps one destructor for both. Merges every object that was built with preset `odr`, without generating code; g++ compares the types while it reads them (-Wodr).
#
#   scripts/odr.sh [BUILD]     BUILD: the preset's folder, default build/odr, already built
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/odr}

mapfile -t objects < <(find "$build" -name '*.o' -path '*.dir/*' | sort)
if [[ ${#objects[@]} -eq 0 ]]; then
  echo "odr: there are no objects in $build; build it first: cmake --build --preset odr" >&2
  exit 2
fi
merged=$(mktemp "${TMPDIR:-/tmp}/weft-odr-XXXXXX.o")
trap 'rm -f "$merged"' EXIT
# Every program has a main() and doctest's: the first of several definitions is taken. g++ numbers the fields of the frames
# of coroutines anew in each object, so these frames always differ.
said=$(LC_ALL=C g++ -O0 -flto -Wodr -r -flinker-output=rel -Wl,-z,muldefs -o "$merged" "${objects[@]}" 2>&1) || {
  echo "$said" >&2
  exit 1
}
if grep -F '[-Wodr]' <<<"$said" | grep -qv "\.Frame' violates"; then
  echo "$said" >&2
  echo "odr: a name has two meanings" >&2
  exit 1
fi
echo "odr: one meaning for each name in ${#objects[@]} objects"
