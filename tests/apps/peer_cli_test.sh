#!/usr/bin/env bash
# Runs real peers on Unix sockets and loopback, as a user does: they sync, are watched, edited through, killed, started
# again and stopped; wrong inputs too.
#
#   tests/apps/peer_cli_test.sh PATH_OF_WEFT
#
# shellcheck source=tests/apps/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# shellcheck source=tests/apps/peers.sh
source "$tests/apps/peers.sh"

shows() { [[ $("$weft" doc show "$1" --json) == "$2" ]]; }
same() {
  "$weft" doc snapshot "$1" one.snapshot --force && "$weft" doc snapshot "$2" two.snapshot --force &&
    cmp one.snapshot two.snapshot
}

# --- help ---
ok 'weft peer --store boards' "$weft" help
ok 'weft peer --store copies --create --connect tcp:127.0.0.1:7400' "$weft" help peer
for command in status health metrics stop; do ok "weft peer $command --store" "$weft" help peer "$command"; done
ok 'weft sync status boards:4f1c' "$weft" help sync status
ok 'weft doc watch boards:4f1c' "$weft" help doc watch
ok '--from-trace' "$weft" help doc new

# --- wrong inputs, before anything runs ---
refused 1 'there is no store in a; `weft store create a` makes one, or give --create' \
  "$weft" peer --store a
refused 2 'no store is named; give --store FOLDER' "$weft" peer
refused 2 "there is no command or argument '--lisen' here" "$weft" peer --store a --lisen unix:x
refused 2 "--listen: address 'nowhere'" "$weft" peer --store a --create --listen nowhere
refused 2 "--quota: 'lots' is no size" "$weft" peer --store a --create --quota lots
refused 1 'missing.conf: there is no such config file' "$weft" peer --config missing.conf
printf 'store = a\nlisen = unix:a.sock\n' >bad.conf
refused 1 "bad.conf:2: there is no key 'lisen'; is 'listen' meant?" "$weft" peer --config bad.conf
printf 'store = a\n\nquota = 10 parsecs\n' >bad.conf
refused 1 "bad.conf:3: quota: '10 parsecs' is no size" "$weft" peer --config bad.conf
refused 1 'there is no store in a' "$weft" peer status --store a
refused 1 'no store is named, WEFT_STORE is not set' "$weft" peer status
ok 'made a store in a' "$weft" store create a
refused 1 'a: no peer runs on this store; `weft peer --store a` starts one' \
  "$weft" peer status --store a
refused 1 'a: no peer runs on this store' "$weft" peer stop --store a
refused 1 'a: no peer runs on this store' env WEFT_STORE=a "$weft" peer metrics
ok 'no peer runs on a, so nothing is sent or fetched; `weft peer --store a` starts one' \
  "$weft" sync status a
ok 'it has met no other peer yet' "$weft" sync status a
ok '{"running":false,"documents":0,"pending_documents":0,"pending_operations":0,"known_peers":[]}' "$weft" sync status a --json
refused 1 'give --control PATH, a shorter one' \
  "$weft" peer --store a --control "$(printf 'x%.0s' {1..200})"
refused 1 '0.0.0.0' "$weft" peer --store a --listen tcp:0.0.0.0:0
refused 1 'a: the log can' "$weft" peer --store a --log-file a

# --- two peers in step ---
start a --listen unix:a.sock --listen tcp:127.0.0.1:0
start b --create --connect unix:a.sock
until_true says 'in step' "$weft" sync status b
echo '{"title": "CPU", "tags": ["a", "b"]}' >one.json
echo '{"title": "CPU busy", "tags": ["a", "x", "b"], "notes": "new"}' >two.json
ok ': made, with 4 operations' "$weft" doc new a: --from-json one.json --message 'first version'
id=${out#a:}
id=${id%%:*}
until_true shows "b:$id" '{"tags":["a","b"],"title":"CPU"}'
ok '"first version"' "$weft" doc log "b:$id"
until_true same "a:$id" "b:$id"

# A watch at one end, edits at the other.
"$weft" doc watch "b:$id" --count 2 >watched.txt 2>watching.txt &
watcher=$!
until_true grep -q "watching b:$id" watching.txt
ok "a:${id:0:6}: one more delta" "$weft" doc import "a:${id:0:6}" two.json
ok 'nothing written' "$weft" doc import "a:$id" two.json
wait "$watcher"
checks=$((checks + 1))
# The inserted element comes in a delta of its own, the same from every device that imports it; in which order is open.
[[ $(cat watched.txt) == *'from a peer'*'set "title" to "CPU busy"'* &&
  $(cat watched.txt) == *'/tags (list)'*'at 1: inserted "x"'* ]] ||
  fail 'doc watch in words' "$(cat watched.txt)"
"$weft" doc watch "a:$id" --json --count 1 >watched.txt &
watcher=$!
sleep 0.5
ok 'one more delta' "$weft" doc import "b:$id" one.json
wait "$watcher"
checks=$((checks + 1))
[[ $(cat watched.txt) == '{"path":"","kind":"map","keys":[{"key":'*'"local":false}' ]] ||
  fail 'doc watch --json' "$(cat watched.txt)"
until_true same "a:$id" "b:$id"

# --- what they tell of themselves ---
ok "process ${pids[a]}, weft 0." "$weft" peer status --store a
ok 'listening   unix:a.sock, listening' "$weft" peer status --store a
ok 'dialled     unix:a.sock, connected' "$weft" peer status --store b
ok "\"pid\":${pids[b]}," "$weft" peer status --store b --json
ok '"documents":1' env WEFT_STORE=b "$weft" peer status --json
ok 'weft_link_bytes_total{replica="' "$weft" peer metrics --store b
ok 'weft_flush_seconds_count' "$weft" peer metrics --store b
ok "weft_document_lag_operations{document=\"$id\"} 0" "$weft" peer metrics --store b
until_true says '(unix:a.sock): in step' "$weft" sync status b
until_true says '1 document, in step' "$weft" sync status b
ok "$id: " "$weft" sync status "b:$id"
ok '"running":true' "$weft" sync status b --json
ok "$id  live" "$weft" store ls a

# --- while a peer holds the store ---
refused 1 "a: a peer runs on this store already, process ${pids[a]}" "$weft" peer --store a
refused 1 "process ${pids[a]}, a peer, which can't do this: \`weft peer stop --store a\`" \
  "$weft" store import a one.snapshot
refused 1 "process ${pids[a]}, a peer, which can't do this" "$weft" store compact a
ok 'all whole' "$weft" store verify a
ok "$id: evicted, was live" "$weft" store status a "$id" evicted --force
refused 1 'evicted' "$weft" doc import "a:$id" two.json
ok "$id: live, was evicted" "$weft" store status a "${id:0:8}" live
until_true same "a:$id" "b:$id"
refused 1 'it trims to now only' "$weft" store trim b "$id" 1
ok "$id: history " "$weft" store trim b "$id" now
refused 1 "no document 'zz'" "$weft" doc import a:zz one.json
refused 1 "no document 'zz'" "$weft" doc watch a:zz
refused 1 'has to be an object' bash -c 'echo "[1]" | "$1" doc import a: -' bash "$weft"
refused 1 'only a document in a store that a peer keeps can be watched' "$weft" doc watch one.snapshot
refused 1 'a.sock' "$weft" peer --store c --create --listen unix:a.sock
ok 'made a store in c' "$weft" store create c # that start left none
ok 'process' bash -c '"$1" peer --store c --listen unix:a.sock 2>&1 || true' bash "$weft"

# A process that writes and is no peer.
bash -c 'exec 9>>c/writer.lock; flock 9; exec sleep 60' &
holder=$!
until_true bash -c '! flock -n c/writer.lock true'
refused 1 'c is open for writing by process' "$weft" doc new c: --from-json one.json
refused 1 'wait until it is done, or end it' "$weft" peer --store c
kill "$holder"
wait "$holder" 2>/dev/null

# --- traces through a peer ---
cat >tiny.json <<'JSON'
{"startContent": "", "endContent": "héllo",
 "txns": [{"patches": [[0, 0, "hallo"]]}, {"patches": [[1, 1, "é"]]}]}
JSON
cat >both.json <<'JSON'
{"kind": "concurrent", "endContent": "abcX", "numAgents": 2,
 "txns": [{"parents": [], "agent": 0, "patches": [[0, 0, "abc"]]},
          {"parents": [0], "agent": 1, "patches": [[3, 0, "X"]]}]}
JSON
ok 'made, with 8 operations in 2 deltas' "$weft" doc new a: --from-trace tiny.json
trace=${out#a:}
trace=${trace%%:*}
until_true shows "b:$trace" '{"text":"héllo"}'
ok 'in 2 deltas' "$weft" doc new a: --from-trace both.json
ok 'in 2 deltas' "$weft" doc new c: --from-trace both.json
prints '{"text":"abcX"}' "$weft" doc show c: --json
refused 2 'from' "$weft" doc new a:
refused 1 'missing.json: ' "$weft" doc new a: --from-trace missing.json

# --- kill -9: nothing that was acknowledged is lost, and they meet again ---
for i in 1 2 3; do
  echo "{\"count\": $i}" | "$weft" doc import "a:$trace" - >/dev/null
done
kill -9 "${pids[a]}"
ended a 137 2>/dev/null # where bash says so too
until_true says 'next try in' "$weft" sync status b
ok "unix:a.sock: no link" "$weft" sync status b
ok 'one more delta' "$weft" doc import "b:$id" two.json # meanwhile
start a --listen unix:a.sock
prints '{"count":3}' "$weft" doc show "a:$trace" --json
until_true same "a:$trace" "b:$trace"
until_true same "a:$id" "b:$id"
prints '{"notes":"new","tags":["a","x","b"],"title":"CPU busy"}' "$weft" doc show "a:$id" --json

# --- stopping ---
for i in $(seq 20); do
  echo "{\"count\": $((100 + i))}" | "$weft" doc import "a:$trace" - >/dev/null &
done
# shellcheck disable=SC2046
wait $(jobs -p | grep -vxF -e "${pids[a]}" -e "${pids[b]}")
last=$("$weft" doc show "a:$trace" --json)
stop a
checks=$((checks + 1))
[[ -f a/closed && ! -S a/peer.sock ]] || fail 'a clean close' "$(ls a)"
prints "$last" "$weft" doc show "a:$trace" --json
ok '25 deltas' bash -c 'echo "$("$1" doc log "a:$2" | wc -l) deltas"' bash "$weft" "$trace"
ok 'met last at' "$weft" sync status a
kill -TERM "${pids[b]}"
ended b 0
checks=$((checks + 1))
[[ $(tail -n 1 b.log) == *' info stopped' ]] || fail "a peer's last word" "$(tail -n 3 b.log)"

# --- a config file, a control socket elsewhere, logs for machines ---
mkdir run
cat >peer.conf <<'CONF'
# where things are
store      = a
control    = run/control.sock
listen     = tcp:127.0.0.1:0
log-format = json
log-file   = run/peer.log
log-level  = debug
warm       = 000102030405060708090a0b0c0d0e0f
CONF
"$weft" peer --config peer.conf --listen unix:run/a.sock </dev/null &
pids[a]=$!
until_true "$weft" peer status --store a
ok 'listening   unix:run/a.sock' "$weft" peer status --store a
checks=$((checks + 1))
[[ $out != *tcp:* ]] || fail 'the command line overrides the file' "$out"
ok 'one more delta' "$weft" doc import "a:$id" one.json
stop a
checks=$((checks + 1))
[[ ! -e a/peer.sock && ! -L a/peer.sock ]] || fail 'no socket stays' "$(ls -l a)"
checks=$((checks + 1))
[[ -z $(grep -v '^{"time":"20.*Z","level":"[a-z]*","event":"[a-z_]*".*}$' run/peer.log) ]] ||
  fail 'each line of the log is JSON' "$(cat run/peer.log)"
ok '"event":"not_warm"' cat run/peer.log

# --- a quota: what can't be stored is said, and tried again ---
start d --create --quota 150K
echo "{\"large\": \"$(head -c 120000 /dev/zero | tr '\0' x)\"}" >large.json
refused 1 'is NOT on the disk: over quota: d takes' "$weft" doc new d: --from-json large.json
ok 'not on the disk yet, the peer holds it in memory: over quota: d takes' \
  "$weft" doc new d: --from-json large.json --no-wait
ok 'tried again and again: over quota' "$weft" peer status --store d
ok 'weft_store_unsaved 1' "$weft" peer metrics --store d
ok ' error unsaved why=' cat d.log
refused 1 'd: not stopped: 2 records are in memory alone, and would be lost: over quota: d takes' \
  "$weft" peer stop --store d
ok 'tried again and again: over quota' "$weft" peer status --store d
refused 1 'd: could not be stored, and lost here: 2 records; d takes' "$weft" peer stop --store d --force
ended d 1

# --- numbers beyond int64 and double keep every digit, through the control socket and between peers ---
start digits-a --create --listen unix:digits.sock
start digits-b --create --connect unix:digits.sock
digits='18446744073709551615,0.1000000000000000055511151231257827,1e400,-0'
echo "{\"n\": [$digits,1e3]}" >numbers.json
ok ': made' "$weft" doc new digits-a: --from-json numbers.json
numbers=${out#digits-a:}
numbers=${numbers%%:*}
until_true shows "digits-b:$numbers" "{\"n\":[$digits,1000.0]}"
"$weft" doc watch "digits-b:$numbers" --count 1 >watched.txt 2>watching.txt &
watcher=$!
until_true grep -q 'watching digits-b' watching.txt
echo "{\"n\": [$digits,1e3], \"m\": -18446744073709551616}" >more.json
ok 'one more delta' "$weft" doc import "digits-a:$numbers" more.json
wait "$watcher"
ok 'set "m" to -18446744073709551616' cat watched.txt
ok 'nothing written' "$weft" doc import "digits-b:$numbers" more.json
echo '{"uid":"n","title":"T","panels":[{"id":1,"type":"t","title":"a","max":18446744073709551615}]}' >board.json
ok 'made' "$weft" dashboard import digits-a: board.json
board=${out#digits-a:}
board=${board%%:*}
until_true "$weft" dashboard show "digits-b:$board" /panels/1
"$weft" dashboard watch "digits-b:$board" --count 1 >watched.txt 2>watching.txt &
watcher=$!
until_true grep -q 'watching digits-b' watching.txt
ok 'is set' "$weft" dashboard set "digits-a:$board" /panels/1/max 18446744073709551616
wait "$watcher"
ok 'max: 18446744073709551615 -> 18446744073709551616' cat watched.txt
ok 'is set' "$weft" dashboard set "digits-a:$board" /panels/1/list "[$digits,1e3]"
until_true same "digits-a:$board" "digits-b:$board"
prints "[$digits,1000.0]" "$weft" dashboard show "digits-b:$board" /panels/1/list --json
prints '18446744073709551616' "$weft" dashboard show "digits-b:$board" /panels/1/max
stop digits-a
stop digits-b

finish
