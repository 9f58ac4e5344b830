# Peers as processes on a network of their own, for tests that source this with the arguments PATH_OF_WEFT
# PATH_OF_NETLAB: the network, the peers, edits at them, and what all of them must hold in the end.
#
# Everything lies in $lab, a new folder that stays where a test fails. Peers and the network end with the test, however it
# ends: a peer is killed with the shell that started it, the network when its standard input closes.
# shellcheck shell=bash disable=SC2034
set -uo pipefail
export LC_ALL=C

# program PATH: sets `program` to its absolute path; this test changes folders. One that is not there, or no program, ends
# the test here, not as something that failed later.
program() {
  program=$(realpath -e "$1" 2>/dev/null) && [[ -f $program && -x $program ]] && return
  echo "$0: there is no program '$1' in $PWD; usage: $0 PATH_OF_WEFT PATH_OF_NETLAB" >&2
  exit 2
}
program "${1-}"
weft=$program
program "${2-}"
netlab=$program
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
data=$(realpath -m "${WEFT_DATA:-$root/../shared/data}")
seed=${WEFT_SEED:-1}
size=${WEFT_SIZE:-ci}
lab=$(realpath "$(mktemp -d "${TMPDIR:-/tmp}/weft-e2e-XXXXXX")")
port=7400
fabric= # namespaces or relays
host_count=0
network_pid=
declare -a peer_pid=() host_address=() host_space=()
declare -A path_address=()

# --- the end ---

is_passed=no
end_lab() {
  exec 3>&- 4<&-
  local each
  for each in "${peer_pid[@]}" $(jobs -p); do kill -KILL "$each" 2>/dev/null; done
  wait 2>/dev/null
  if [[ $is_passed == yes ]]; then rm -rf "$lab"; fi
}
trap end_lab EXIT
trap 'exit 1' INT TERM HUP
exec 3>/dev/null 4</dev/null

# The last command of a test. Exit code 77: something stood in for recorded data that is missing.
passed() {
  is_passed=yes
  [[ $is_data_missing == no ]] || exit 77
}

# missing_data TEXT: recorded data is not there, something else takes its place; fails where WEFT_REQUIRE_DATA is set.
is_data_missing=no
missing_data() {
  echo "skipped: $1"
  is_data_missing=yes
  [[ -z ${WEFT_REQUIRE_DATA:-} ]] || die "WEFT_REQUIRE_DATA is set, and $1"
}

# die TEXT: the test has failed. What the peers say of themselves goes beside their logs.
die() {
  local peer
  echo "FAILED: $*"
  for ((peer = 0; peer < host_count; ++peer)); do
    { timeout 10 "$weft" peer status --store "$lab/store$peer" &&
      timeout 10 "$weft" sync status "$lab/store$peer"; } >"$lab/status$peer.txt" 2>&1
  done
  echo "  seed $seed, size $size, network: ${fabric:-none}"
  echo "  logs of the peers, their stores and what they said at last: $lab"
  echo "  again: WEFT_SEED=$seed WEFT_SIZE=$size WEFT_DATA=$data WEFT_NETLAB=${fabric:-} bash $0 $weft $netlab"
  exit 1
}

# --- numbers ---

# draw N: sets `drawn` to a seeded random number below N.
random_state=$((seed * 2 + 1))
draw() {
  random_state=$((random_state * 6364136223846793005 + 1442695040888963407))
  drawn=$(((random_state >> 33 & 0x7fffffff) % $1))
}

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
sleep_ms() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# --- the network ---

# start_network HOSTS: namespaces where they can be made, else loopback. WEFT_NETLAB=namespaces|relays takes just one.
start_network() {
  host_count=$1
  local wanted=${WEFT_NETLAB:-}
  if [[ $wanted != relays ]] && try_network namespaces; then return; fi
  if [[ -n $network_pid ]]; then
    wait "$network_pid"
    local code=$?
    echo "no network namespaces here: $(cat "$lab/network.err")"
    [[ $code -eq 3 && $wanted != namespaces ]] || die "the network ended with exit code $code"
  fi
  try_network relays || die "no network: $(cat "$lab/network.err")"
}

try_network() {
  local kind=$1 word first second third options=()
  if [[ $kind == relays ]]; then options=(--relays); fi
  mkfifo "$lab/network.in" "$lab/network.out"
  "$netlab" "$host_count" --seed "$seed" --port "$port" "${options[@]}" \
    <"$lab/network.in" >"$lab/network.out" 2>"$lab/network.err" 3>&- 4<&- &
  network_pid=$!
  exec 3>"$lab/network.in" 4<"$lab/network.out"
  rm "$lab/network.in" "$lab/network.out"
  while read -r -t 20 -u 4 word first second third; do
    case $word in
      host)
        host_address[first]=$second
        host_space[first]=$third
        ;;
      path) path_address[$first,$second]=$third ;;
      ready)
        fabric=$kind
        return 0
        ;;
    esac
  done
  return 1
}

# net WORD...: a line to the network; sets `answer`.
net() {
  echo "$*" >&3
  read -r -t 20 -u 4 answer || die "the network does not answer: $*"
  [[ $answer == ok* ]] || die "the network: $answer"
}

# Sets `net_bytes`: what the network has carried.
count_bytes() {
  net count
  net_bytes=$(sed -E 's/.* ([0-9]+) bytes.*/\1/' <<<"$answer")
}

# --- peers ---

# start_peer PEER NEIGHBOUR...: keeps a link to each neighbour; returns when it answers. Nobody edits there meanwhile: a
# command that finds no peer would hold the store itself.
start_peer() {
  local peer=$1 options=() enter=() each lock
  shift
  for each in "$@"; do options+=(--connect "tcp:${path_address[$peer,$each]}"); done
  if [[ $fabric == namespaces ]]; then enter=(nsenter --net="${host_space[peer]}"); fi
  exec {lock}>"$lab/edit$peer.lock"
  flock "$lock"
  "${enter[@]}" setpriv --pdeathsig KILL "$weft" peer --store "$lab/store$peer" --create --insecure \
    --listen "tcp:${host_address[peer]}:$port" "${options[@]}" --heartbeat 1s --timeout 5s \
    --log-file "$lab/peer$peer.log" >>"$lab/peer$peer.out" 2>&1 3>&- 4<&- {lock}>&- &
  peer_pid[peer]=$!
  until "$weft" peer status --store "$lab/store$peer" >"$lab/start.out" 2>&1; do
    kill -0 "${peer_pid[peer]}" 2>/dev/null || die "peer $peer did not start: $(tail -n 3 "$lab/peer$peer.out")"
    sleep 0.1
  done
  exec {lock}>&-
}

kill_peer() {
  kill -KILL "${peer_pid[$1]}" || die "peer $1 has ended by itself: $(tail -n 3 "$lab/peer$1.out" "$lab/peer$1.log")"
  wait "${peer_pid[$1]}" 2>/dev/null
}

stop_peer() {
  "$weft" peer stop --store "$lab/store$1" >"$lab/stop.out" 2>&1 || die "peer $1 does not stop: $(cat "$lab/stop.out")"
  wait "${peer_pid[$1]}" || die "peer $1 ended with exit code $?: $(tail -n 3 "$lab/peer$1.out" "$lab/peer$1.log")"
  unset "peer_pid[$1]"
}

# --- edits ---
#
# Each edit leaves a mark, a key at the document's root with a value that says it again. What a command acknowledged, that
# is, returned 0, is written to $lab/acknowledged.PEER: DOCUMENT "KEY":"VALUE". An edit keeps the marks that it sees, so
# where two peers edit one document, either they don't see each other or each takes a document of its own.

# edit PEER DOCUMENT KEY BASE: makes the document what BASE, a file with an object on one line, says, with its marks.
edit() {
  local peer=$1 document=$2 key=$3 base=$4 name=store$1:$2 marks mark
  mark="\"edit-$key\":\"$key by peer $peer\""
  (
    cd "$lab" || exit 1
    exec 9>"edit$peer.lock" 3>&- 4<&-
    flock 9
    marks=$("$weft" doc show "$name" --json 2>"edit$peer.err" | grep -oE '"edit-[^"]*":"[^"]*"' | sed 's/$/,/'
      exit "${PIPESTATUS[0]}") || exit 1
    { printf '{%s,%s' "$mark" "$marks" && tail -c +2 "$base"; } >"edit$peer.json"
    "$weft" doc import "$name" "edit$peer.json" >"edit$peer.out" 2>"edit$peer.err" || exit 1
    echo "$document $mark" >>"acknowledged.$peer"
  )
}

# new_document PEER BASE: sets `document`.
new_document() {
  "$weft" doc new "$lab/store$1:" --from-json "$2" >"$lab/new$1.out" 2>&1 || return 1
  document=$(id_made "$lab/new$1.out")
}

# replay PEER TRACE: a new document with the text that the trace ends with, one delta for each transaction; the command
# compares it before it acknowledges. Its id and the text's hash go to $lab/replayed.PEER.
replay() {
  local peer=$1 id
  "$weft" doc new "$lab/store$peer:" --from-trace "$2" >"$lab/new$peer.out" 2>&1 || return 1
  id=$(id_made "$lab/new$peer.out")
  echo "$id $("$weft" doc show "$lab/store$peer:$id" /text | sha256sum | cut -d' ' -f1)" >>"$lab/replayed.$peer"
}

# "FOLDER:ID: made, with ..."
id_made() { sed -nE 's/.*:([0-9a-f]{32}): made.*/\1/p' "$1"; }

# --- what peers hold ---

# listing PEER: each document with its version, as its peer's store has them now.
listing() {
  "$weft" store ls "$lab/store$1" --json 2>"$lab/ls$1.err" |
    sed -E 's/.*"document":"([0-9a-f]*)".*"status":"([a-z]*)".*"version":"([^"]*)".*/\1 \2 \3/' | sort
}

# snapshots PEER: each document with the hash of its snapshot.
snapshots() {
  local id
  "$weft" store ls "$lab/store$1" --json | sed -E 's/.*"document":"([0-9a-f]*)".*/\1/' | sort | while read -r id; do
    "$weft" doc snapshot "$lab/store$1:$id" "$lab/snapshot$1" --force || return 1
    echo "$id $(sha256sum <"$lab/snapshot$1")"
  done
}

is_in_step() {
  local peer
  listing 0 >"$lab/listing0"
  for ((peer = 1; peer < host_count; ++peer)); do
    listing "$peer" >"$lab/listing$peer"
    cmp -s "$lab/listing0" "$lab/listing$peer" || return 1
  done
}

# wait_in_step SECONDS: until all have the same versions of the same documents; sets `step_ms`.
wait_in_step() {
  local begin
  begin=$(now_ms)
  until is_in_step; do
    [[ $(now_ms) -lt $((begin + $1 * 1000)) ]] || die "not in step after $1 s"
    sleep 0.2
  done
  step_ms=$(($(now_ms) - begin))
}

# says_in_step PEER: it says that each link is in step, and each document. Else `said` is what it says of its links.
says_in_step() {
  local status
  status=$("$weft" sync status "$lab/store$1" --json) || return 1
  said=$(grep -oE '"name":"[^"]*","replica":"[^"]*","state":"[^"]*","words":"[^"]*"' <<<"$status")
  [[ $status == *'"not_in_step":0,'* ]] || return 1
  ! grep -qvE '"live","words":"(in step|nothing known to differ)"' <<<"$said"
}

# wait_says_in_step SECONDS: until each peer knows by itself that all are in step, which they are when this is called.
wait_says_in_step() {
  local end peer
  end=$(($(now_ms) + $1 * 1000))
  for ((peer = 0; peer < host_count; ++peer)); do
    until says_in_step "$peer"; do
      [[ $(now_ms) -lt $end ]] || die "all are in step, but peer $peer does not know after $1 s:"$'\n'"$said"
      sleep 0.2
    done
  done
}

# Every document is the same at every peer, byte for byte; sets `document_count`.
check_snapshots() {
  local peer
  for ((peer = 0; peer < host_count; ++peer)); do
    snapshots "$peer" >"$lab/snapshots$peer.txt" 2>"$lab/snapshots$peer.err" ||
      die "peer $peer: $(cat "$lab/snapshots$peer.err")"
    cmp -s "$lab/snapshots0.txt" "$lab/snapshots$peer.txt" ||
      die "peers 0 and $peer have other snapshots: $(diff "$lab/snapshots0.txt" "$lab/snapshots$peer.txt")"
  done
  document_count=$(wc -l <"$lab/snapshots0.txt")
}

# Every peer holds every acknowledged edit; sets `edit_count` and `replay_count`.
check_acknowledged() {
  local peer id mark hash
  sort "$lab"/acknowledged.* >"$lab/acknowledged.txt"
  sort "$lab"/replayed.* >"$lab/replayed.txt"
  for ((peer = 0; peer < host_count; ++peer)); do
    for id in $(cut -d' ' -f1 "$lab/acknowledged.txt" | uniq); do
      "$weft" doc show "$lab/store$peer:$id" --json >"$lab/shown.json" || die "peer $peer shows no document $id"
      grep -oE '"edit-[^"]*":"[^"]*"' "$lab/shown.json" | sed "s/^/$id /"
    done | sort >"$lab/held.txt"
    mark=$(comm -23 "$lab/acknowledged.txt" "$lab/held.txt")
    [[ -z $mark ]] || die "peer $peer has lost $(wc -l <<<"$mark") acknowledged edits:"$'\n'"$mark"
    while read -r id hash; do
      [[ $("$weft" doc show "$lab/store$peer:$id" /text | sha256sum) == "$hash  -" ]] ||
        die "peer $peer has another text in $id than was acknowledged"
    done <"$lab/replayed.txt"
  done
  edit_count=$(wc -l <"$lab/acknowledged.txt")
  replay_count=$(wc -l <"$lab/replayed.txt")
}
