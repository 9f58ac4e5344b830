#!/usr/bin/env bash
# Installs what is missing, builds, and replays editing traces through weft.
#
#   scripts/run.sh [DIR]
#
# The traces (*.json, *.json.gz) are those in DIR, else in $WEFT_DATA/traces, else in
# ../shared/data/traces beside the checkout. Where none of these is given or exists, weft generates
# an editing session of its own and replays that.
set -euo pipefail

if [[ $# -gt 1 || ${1:-} == -* ]]; then
  echo "usage: $0 [DIR]" >&2
  exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Before any cd: DIR and WEFT_DATA may be relative to where the caller stands.
if [[ $# -eq 1 ]]; then
  trace_dir=$1
elif [[ -n ${WEFT_DATA:-} ]]; then
  trace_dir=$WEFT_DATA/traces
elif [[ -d $root/../shared/data/traces ]]; then
  trace_dir=$root/../shared/data/traces
else
  trace_dir=
fi
traces=()
if [[ -n $trace_dir ]]; then
  if [[ ! -d $trace_dir ]]; then
    echo "run: there is no directory '$trace_dir'" >&2
    exit 1
  fi
  trace_dir=$(cd "$trace_dir" && pwd)
  shopt -s nullglob
  traces=("$trace_dir"/*.json "$trace_dir"/*.json.gz)
  shopt -u nullglob
  if [[ ${#traces[@]} -eq 0 ]]; then
    echo "run: '$trace_dir' holds no *.json or *.json.gz" >&2
    exit 1
  fi
fi

cd "$root"
bash scripts/install_deps.sh
cmake --preset release
cmake --build --preset release -j "$(nproc)" --target weft

if [[ -n $trace_dir ]]; then
  echo "run: replaying ${#traces[@]} traces of $trace_dir"
  exec build/release/weft replay "${traces[@]}"
fi
echo "run: no directory of traces (no argument, no WEFT_DATA, no ../shared/data/traces);"
echo "run: replaying a generated session instead"
exec build/release/weft replay --generate
