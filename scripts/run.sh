#!/usr/bin/env bash
# Installs what is missing, builds, and starts two peers. In a minute they go through what weft is for, step by step: a
# dashboard is imported at one, edited at both while they are apart, and comes together with its conflict shown
# and resolved. Editing traces are replayed into documents of one and followed by the other, until both have
# byte-identical snapshots. Then it says what to try and leaves the peers up until Ctrl-C.
#
#   scripts/run.sh [--once] [--into FOLDER] [DIR]
#
#   --once         stop the peers when they are in step, instead of waiting; exit code 0: all was well
#   --into FOLDER  keep their stores there, as FOLDER/a and FOLDER/b; else in a folder that is removed at the end
#
# The dashboard is $WEFT_DATA/dashboards/node-exporter-full.json, else that of ../shared/data, else one of the project's own.
# The traces (*.json, *.json.gz) are those in DIR, else in $WEFT_DATA/traces, else in ../shared/data/traces beside the
# checkout. Where none of these is given or exists, weft generates an editing session of its own.
#
# WEFT names a `weft` that is built already; then nothing is installed or built.
set -euo pipefail

usage() {
  echo "usage: $0 [--once] [--into FOLDER] [DIR]" >&2
  exit 2
}
once=0
into=
trace_dir=
while [[ $# -gt 0 ]]; do
  case $1 in
    --once) once=1 ;;
    --into)
      [[ $# -gt 1 ]] || usage
      into=$2
      shift
      ;;
    -*) usage ;;
    *)
      [[ -z $trace_dir ]] || usage
      trace_dir=$1
      ;;
  esac
  shift
done
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Before any cd: DIR, FOLDER and WEFT_DATA may be relative to where the caller stands.
if [[ -n $trace_dir ]]; then
  :
elif [[ -n ${WEFT_DATA:-} ]]; then
  trace_dir=$WEFT_DATA/traces
elif [[ -d $root/../shared/data/traces ]]; then
  trace_dir=$root/../shared/data/traces
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
else
  echo "run: no directory of traces (no argument, no WEFT_DATA, no ../shared/data/traces);"
  echo "run: a generated session instead"
  traces=(generated)
fi
if [[ -n $into ]]; then
  mkdir -p "$into"
  into=$(cd "$into" && pwd)
fi

if [[ -n ${WEFT:-} ]]; then
  weft=$(realpath "$WEFT")
else
  cd "$root"
  bash scripts/install_deps.sh
  cmake --preset release
  cmake --build --preset release -j "$(nproc)" --target weft
  weft=$root/build/release/weft
fi

folder=${into:-$(mktemp -d)}
a=$folder/a
b=$folder/b
end() {
  local status=$?
  trap - EXIT INT TERM
  # shellcheck disable=SC2046
  kill $(jobs -p) 2>/dev/null || true
  wait 2>/dev/null || true  # they flush, and end
  [[ -n $into ]] || rm -rf "$folder"
  exit "$status"
}
trap end EXIT
trap 'exit 0' INT TERM

# start NAME ARGUMENTS...: a peer that runs when this returns. In a session of its own, so that Ctrl-C reaches it only
# through this script, once.
start() {
  local name=$1
  shift
  setsid "$weft" peer --store "$folder/$name" --create "$@" 2>"$folder/$name.log" &
  local pid=$!
  for _ in $(seq 200); do
    if "$weft" peer status --store "$folder/$name" >/dev/null 2>&1; then return; fi
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo "run: the peer on $folder/$name does not start:" >&2
  cat "$folder/$name.log" >&2
  return 1
}

start a --listen tcp:127.0.0.1:0
address=$("$weft" peer status --store "$a" | sed -n 's/^listening *\(tcp:[^,]*\),.*/\1/p')
start b --connect "$address"
echo "run: two peers, $a listens on $address, $b connects to it"

# wait_until WHAT COMMAND...
wait_until() {
  local what=$1
  shift
  for _ in $(seq 600); do
    if "$@"; then return; fi
    sleep 0.1
  done
  echo "run: after a minute it is not so that $what:" >&2
  "$weft" sync status "$b" >&2
  exit 1
}

dashboards=${WEFT_DATA:-$root/../shared/data}/dashboards
dashboard=$dashboards/node-exporter-full.json
[[ -f $dashboard ]] || dashboard=$root/tests/data/dashboards/service-overview.json
# shellcheck source=scripts/dashboard_story.sh
source "$root/scripts/dashboard_story.sh"
dashboard_story "$dashboard"

echo
now_ms() { date +%s%3N; }
began=$(now_ms)
documents=()
operations=0
for trace in "${traces[@]}"; do
  made=$("$weft" doc new "$a:" --from-trace "$trace")
  id=${made#"$a:"}
  documents+=("${id%%:*}")
  operations=$((operations + $(sed 's/.* with \([0-9]*\) operation.*/\1/' <<<"$made")))
  echo "run: $(basename "$trace"): ${made#"$a:"}"
done
written=$(now_ms)

# in_step ID: both have the same bytes.
in_step() {
  "$weft" doc snapshot "$a:$1" "$folder/a.snapshot" --force 2>/dev/null &&
    "$weft" doc snapshot "$b:$1" "$folder/b.snapshot" --force 2>/dev/null &&
    cmp -s "$folder/a.snapshot" "$folder/b.snapshot"
}
snapshot_bytes=0
for id in "${documents[@]}"; do
  for ((i = 0; ; ++i)); do
    if in_step "$id"; then break; fi
    if [[ $i -ge 600 ]]; then
      echo "run: after a minute $b has not what $a has of $id:" >&2
      "$weft" sync status "$b:$id" >&2
      exit 1
    fi
    sleep 0.1
  done
  snapshot_bytes=$((snapshot_bytes + $(stat -c %s "$folder/a.snapshot")))
done
same=$(now_ms)
rm -f "$folder"/[ab].snapshot
echo "run: ${#documents[@]} documents, $operations operations: written in $((written - began)) ms while the other followed,"
echo "run: and $((same - written)) ms later both have byte-identical snapshots, $snapshot_bytes bytes"

if [[ $once -eq 1 ]]; then
  "$weft" peer stop --store "$b"
  "$weft" peer stop --store "$a"
  exit 0
fi

cat <<TEXT

The peers are up until Ctrl-C. In another terminal, for instance:

  # the dashboard, at both ends; who wrote what, and what it was before
  $weft dashboard show $a:$board
  $weft dashboard blame $b:$board | head
  $weft dashboard history $b:$board

  # what changes, as it changes: leave the first one open while you do the second
  $weft dashboard watch $b:$board
  $weft dashboard set $a:$board /title "Another title"

  # how they are
  $weft store ls $b
  $weft peer status --store $a
  $weft sync status $b:$board
  $weft peer metrics --store $b

  # one of them away: edit both meanwhile, and start it again
  $weft peer stop --store $b
  $weft dashboard conflicts $a:$board
  $weft peer --store $b --connect $address

What they log: $a.log, $b.log
TEXT
while :; do
  sleep 3600 &
  wait $! || true
done
