#!/usr/bin/env bash
# Several peers, each a process with an LMDB store, keep their documents in step over real sockets:
#
#   1. cut off from all others, each replays another recorded session and edits shared dashboards; then the network heals
#   2. in two groups they edit on; then it heals, and while they sync and edit, one after the other is killed with SIGKILL
#      and started again
#
# After each, all must hold the same documents, byte for byte, and every edit that a command acknowledged, to the mark;
# and each must know and say that they are in step.
#
#   WEFT_SEED=1 WEFT_SIZE=ci bash tests/e2e/peers_test.sh PATH_OF_WEFT PATH_OF_NETLAB
#
# The network is weft_netlab: namespaces with delay, loss, duplicates and reordering, or, where they can't be made, relays
# on loopback with delay and cuts; the first line of output says which. WEFT_NETLAB=namespaces|relays chooses.
#
# shellcheck source=tests/e2e/lab.sh
source "$(dirname "${BASH_SOURCE[0]}")/lab.sh"

# How much: peers, edits of each shared document at each peer, kills of each peer, seconds to get in step.
case $size in
  smoke) peers=3 edits=1 kills=1 limit_s=120 ;;
  ci) peers=4 edits=3 kills=2 limit_s=90 ;;
  full) peers=5 edits=12 kills=4 limit_s=300 ;;
  *) die "WEFT_SIZE is '$size'; it can be smoke, ci or full" ;;
esac
traces=(sveltecomponent json-crdt-patch friendsforever rustcode automerge-paper)
history=$data/dashboards/k8s-views-global.history.jsonl.gz

# --- what is written ---

# The recorded trace, or a generated one where it is missing: sets `trace`.
find_trace() {
  trace=$data/traces/${traces[$1]}.json.gz
  if [[ -e $trace ]]; then return; fi
  trace=$lab/generated$1.json
  if [[ -e $trace ]]; then return; fi
  missing_data "${traces[$1]}.json.gz is not in $data/traces; a generated session takes its place"
  awk -v seed="$((seed * 100 + $1))" 'BEGIN {
    srand(seed)
    for (i = 0; i < 4000; ++i) {
      at = int(rand() * (length(text) + 1))
      erased = rand() < 0.2 && at + 3 <= length(text) ? 3 : 0
      word = sprintf("%c%c%c ", 97 + rand() * 26, 97 + rand() * 26, 97 + rand() * 26)
      text = substr(text, 1, at) word substr(text, at + erased + 1)
      list = list (i ? "," : "") "{\"patches\":[[" at "," erased ",\"" word "\"]]}"
    }
    print "{\"startContent\":\"\",\"endContent\":\"" text "\",\"txns\":[" list "]}"
  }' >"$trace"
}

# A dashboard as it was at one of its revisions, on one line: sets `revision`, a file. Several peers ask at once.
find_revision() {
  revision=$lab/revision$1.json
  if [[ -e $revision ]]; then return; fi
  make_revision "$1" >"$revision.$BASHPID" && mv "$revision.$BASHPID" "$revision"
}

make_revision() {
  if [[ -e $history ]]; then
    zcat "$history" | sed -n "$1{s/^{\"revision\":\"[^\"]*\",\"time\":[0-9]*,\"dashboard\"://;s/}\$//;p}"
  else
    awk -v n="$1" 'BEGIN {
      for (i = 0; i < 30; ++i)
        list = list (i ? "," : "") "{\"id\":" i ",\"title\":\"panel " (i % 5 ? i : n) "\",\"w\":" n % (i + 2) "}"
      print "{\"title\":\"revision " n "\",\"panels\":[" list "]}"
    }'
  fi
}

# edit_board PEER BOARD PHASE: several revisions one after the other, others than other peers take.
edit_board() {
  local i
  for ((i = 0; i < edits; ++i)); do
    find_revision $((first_revision[$2] + (i * peers + $1 + 1) % 30))
    edit "$1" "${boards[$2]}" "$3-$2-$1-$i" "$revision" || return 1
  done
}

# All of this in a shell of its own, since all peers edit at once.
write_alone() {
  new_document "$1" "$lab/notes.json" && echo "$document" >"$lab/notes$1.id" &&
    edit "$1" "$document" "alone-notes-$1" "$lab/notes.json" &&
    edit_board "$1" 0 alone && edit_board "$1" 1 alone && replay "$1" "$2"
}

# Of a group only one peer edits a board, since the others see it.
write_grouped() {
  if ((${#group_board[$1]} > 0)); then edit_board "$1" "${group_board[$1]}" grouped || return 1; fi
  replay "$1" "$2"
}

# Edits the peer's own notes until the file $lab/enough is there, or the test is gone. Commands fail while the peer is killed; then they are not
# acknowledged, whatever has become of them.
keep_writing() {
  local i id
  id=$(cat "$lab/notes$1.id")
  for ((i = 0; ; ++i)); do
    if [[ -e $lab/enough ]] || ! kill -0 $$; then return; fi
    edit "$1" "$id" "live-$1-$i" "$lab/notes.json" || echo "$i: $(cat "$lab/edit$1.err")" >>"$lab/refused.$1"
    sleep 0.1
  done
}

# at_all FUNCTION: runs FUNCTION PEER TRACE for all peers at once. @param 2  whose trace: that of the peer so many on
at_all() {
  local peer writers=()
  for ((peer = 0; peer < peers; ++peer)); do
    find_trace $(((peer + $2) % peers))
    "$1" "$peer" "$trace" 3>&- 4<&- &
    writers[peer]=$!
  done
  for ((peer = 0; peer < peers; ++peer)); do
    wait "${writers[peer]}" || die "peer $peer: an edit failed: $(cat "$lab/edit$peer.err" "$lab/new$peer.out")"
  done
}

# kill_at_random VICTIM I: at a random moment; every other time within the first 40 ms of an edit there.
kill_at_random() {
  if (($2 % 2 == 0)); then
    draw 1200
    sleep_ms $((100 + drawn))
  else
    while flock -n "$lab/edit$1.lock" true; do sleep 0.002; done
    draw 40
    sleep_ms "$drawn"
  fi
  kill_peer "$1"
}

start() { start_peer "$1" $((($1 + 1) % peers)); } # a ring

# --- the network and the peers ---

begin_s=$SECONDS
start_network "$peers"
net delay 20 10
if [[ $fabric == namespaces ]]; then
  net loss 0.02
  net duplicate 0.01
  net reorder 0.01
  echo "peers_test: $peers peers in network namespaces, delay 20 to 30 ms, loss 2 %, duplicates 1 %, reordering 1 %;" \
    "seed $seed, size $size"
else
  echo "peers_test: $peers peers on loopback TCP through relays, delay 20 to 30 ms, cuts as silence;" \
    "seed $seed, size $size"
fi
[[ -e $history ]] ||
  missing_data "${history##*/} is not in $data/dashboards; generated dashboards take its place"
echo '{"kind":"notes"}' >"$lab/notes.json"

for ((peer = 0; peer < peers; ++peer)); do start "$peer"; done
first_revision=(10 40)
boards=()
for first in "${first_revision[@]}"; do
  find_revision "$first"
  new_document 0 "$revision" || die "no new document: $(cat "$lab/new0.out")"
  boards+=("$document")
done
wait_in_step "$limit_s"
[[ $(wc -l <"$lab/listing0") -eq 2 ]] || die "two documents were made: $(cat "$lab/listing0")"

# --- 1: each alone ---

alone=0
for ((peer = 1; peer < peers; ++peer)); do alone+=" / $peer"; done
# shellcheck disable=SC2086
net split $alone
at_all write_alone 0
is_in_step && die 'peers that were cut off are in step'
count_bytes
before_bytes=$net_bytes
net heal
wait_in_step "$limit_s"
count_bytes
check_snapshots
check_acknowledged
wait_says_in_step 45
echo "1. each alone: in step after $step_ms ms and $((net_bytes - before_bytes)) bytes on the wire;" \
  "$document_count documents, $replay_count sessions, $edit_count edits at all peers; $((SECONDS - begin_s)) s"

# --- 2: two groups, then kills ---

net split 0 1
group_board=(0 1 0 1 '')
at_all write_grouped 1
is_in_step && die 'groups that were cut off are in step'
count_bytes
before_bytes=$net_bytes
heal_ms=$(now_ms)
writers=()
for ((peer = 0; peer < peers; ++peer)); do
  keep_writing "$peer" 3>&- 4<&- &
  writers+=($!)
done
net heal
kill_count=0
for ((round = 0; round < kills; ++round)); do
  draw "$peers"
  first=$drawn
  for ((i = 0; i < peers; ++i)); do
    victim=$(((first + i) % peers))
    kill_at_random "$victim" $((i + round))
    kill_count=$((kill_count + 1))
    draw 600
    sleep_ms "$drawn"
    start "$victim"
  done
done
touch "$lab/enough"
wait "${writers[@]}"
killed_ms=$(($(now_ms) - heal_ms))
wait_in_step "$limit_s"
count_bytes
check_snapshots
check_acknowledged
wait_says_in_step 45
refused_count=$(cat "$lab"/refused.* 2>/dev/null | wc -l)
echo "2. $kill_count kills within $killed_ms ms: in step $step_ms ms after the last and $((net_bytes - before_bytes))" \
  "bytes on the wire; $document_count documents, $replay_count sessions, $edit_count edits at all peers," \
  "$refused_count edits failed in kills; $((SECONDS - begin_s)) s"

# --- the stores, once nobody holds them ---

for ((peer = 0; peer < peers; ++peer)); do stop_peer "$peer"; done
cp "$lab/snapshots0.txt" "$lab/snapshots.txt"
check_snapshots
cmp -s "$lab/snapshots.txt" "$lab/snapshots0.txt" || die 'snapshots changed when the peers stopped'
for ((peer = 0; peer < peers; ++peer)); do
  "$weft" store verify "$lab/store$peer" >"$lab/verify$peer.txt" 2>&1 ||
    die "store $peer is damaged: $(cat "$lab/verify$peer.txt")"
done
echo "peers_test: passed after $((SECONDS - begin_s)) s"
passed
