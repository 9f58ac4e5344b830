#!/usr/bin/env bash
# What who runs a peer relies on: exit codes that mean what they say while a disk is full, health, signals, the log file,
# the service manager, who is in step, documents that hold nothing, starts that fail.
#
#   tests/apps/peer_care_test.sh PATH_OF_WEFT
#
# shellcheck source=tests/apps/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# shellcheck source=tests/apps/peers.sh
source "$tests/apps/peers.sh"

has_disk=
clean_up() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null; done
  wait 2>/dev/null
  [[ -z $has_disk ]] || umount -l "$work/disk"
  rm -rf "$work"
}

# check WHAT COMMAND...
check() {
  checks=$((checks + 1))
  "${@:2}" || fail "$1" "stdout: $(head -c 500 out.txt)" "stderr: $(head -c 500 err.txt)"
}
# made OUTPUT: the id in "STORE:ID: made, ...".
made() { sed -nE 's/.*:([0-9a-f]{32}): made.*/\1/p' <<<"$1"; }
# healthy CODE TEXT STORE ARGUMENTS...: what `weft peer health` exits with and says.
healthy() {
  checks=$((checks + 1))
  run "$weft" peer health --store "${@:3}"
  [[ $code -eq $1 && $out == *"$2"* ]] ||
    fail "health of $3" "expected exit code $1 and: $2" "exit code: $code" "stdout: $out" "stderr: $err"
}
# within SECONDS COMMAND...: it ends by then, whatever it exits with.
within() {
  local begin=$SECONDS
  run "${@:2}"
  check "within $1 s: ${*:2}" [ $((SECONDS - begin)) -le "$1" ]
}
killed() {
  kill -9 "${pids[$1]}"
  ended "$1" 137 2>/dev/null
}

# --- an empty document is there, and stays (E4) ---
"$weft" store create e >/dev/null
ok ': made' bash -c 'echo "{}" | "$1" doc new e: --from-json -' bash "$weft"
empty=$(made "$out")
prints '{}' "$weft" doc show "e:$empty" --json
ok "$empty  live" "$weft" store ls e
echo '{"startContent": "", "endContent": "", "txns": []}' >empty.json
ok ': made' "$weft" doc new e: --from-trace empty.json
prints '{"text":""}' "$weft" doc show "e:$(made "$out")" --json
start e --listen unix:e.sock
start f --create --connect unix:e.sock
ok ': made' bash -c 'echo "{}" | "$1" doc new e: --from-json - --message nothing' bash "$weft"
empty=$(made "$out")
prints '{}' "$weft" doc show "e:$empty" --json
ok '"nothing"' "$weft" doc log "e:$empty"
until_true says "$empty  live" "$weft" store ls f
ok ': made' "$weft" doc new e: --from-trace empty.json
prints '{"text":""}' "$weft" doc show "e:$(made "$out")" --json
ok 'nothing written' bash -c 'echo "{}" | "$1" doc import "e:$2" -' bash "$weft" "$empty"

# --- who is in step (E1) ---
until_true says '4 documents, in step' "$weft" sync status e
until_true says '4 documents, in step' "$weft" sync status f
ok 'in step     yes' "$weft" peer status --store e
ok 'weft_in_step 1' "$weft" peer metrics --store e
ok 'weft_pending_operations 0' "$weft" peer metrics --store e
killed f
until_true says 'this one listens on unix:e.sock: start the others with --connect to that' \
  "$weft" sync status e
ok ': not linked, met last at 20' "$weft" sync status e
ok '4 documents, in step' "$weft" sync status e
echo '{"a": 1, "b": 2}' >ab.json
ok 'one more delta' "$weft" doc import "e:$empty" ab.json
echo '{"a": 2, "b": 2}' >ab2.json
ok 'one more delta' "$weft" doc import "e:$empty" ab2.json
ok '4 documents, 1 not in step: 3 operations in 1 document at no other device, the oldest for ' \
  "$weft" sync status e
ok 'offline, 2 changes (3 operations) pending' "$weft" sync status "e:$empty"
ok '"in_step":false,"pending_documents":1,"pending_operations":3,' "$weft" sync status e --json
ok 'no: 3 operations in 1 document at no other device' "$weft" peer status --store e
ok 'weft_in_step 0' "$weft" peer metrics --store e
ok 'weft_pending_operations 3' "$weft" peer metrics --store e
check 'an age' grep -qE '^weft_oldest_pending_seconds [0-9.]*[1-9]' out.txt
# What a store held before it met anybody is nowhere else, whoever wrote it.
"$weft" store create g >/dev/null
ok ': made' "$weft" doc new g: --from-json ab.json
only=$(made "$out")
ok '2 operations in 1 document at no other device' "$weft" sync status g
start g
ok 'no other peer is linked, and none is dialled; start this one with --connect or --listen' \
  "$weft" sync status g
ok '1 document, 1 not in step: 2 operations in 1 document at no other device' "$weft" sync status g
ok 'deleted, was live' "$weft" store status g "$only" deleted
ok '1 document, in step' "$weft" sync status g
killed g
start g
ok ', in step' "$weft" sync status g
stop g

# --- health (E2) ---
healthy 0 'e: ready; 0 links' e
healthy 6 'e: no link; 0 links, at least 1 wanted' e --links 1
sleep 0.2
healthy 7 'e: stale; not in step for ' e --max-lag 100ms
healthy 0 'ready' e --max-lag 1min
ok '"state":"ready"' "$weft" peer health --store e --json
refused 1 'no peer runs on this store' "$weft" peer health --store f
refused 2 "'soon' is no time" "$weft" peer health --store e --timeout soon
start f --connect unix:e.sock
until_true "$weft" peer health --store e --max-lag 1s --links 1
until_true "$weft" peer health --store f --max-lag 1s
kill -STOP "${pids[e]}"
begin=$SECONDS
healthy 3 'e: no answer; ' e --timeout 300ms
ok '"state":"no answer"' bash -c '"$1" peer health --store e --timeout 300ms --json || true' bash "$weft"
refused 1 'busy or stuck' "$weft" peer status --store e --timeout 1s
refused 1 'busy or stuck' "$weft" sync status e --timeout 1s
check 'nobody waits long for a peer that hangs' [ $((SECONDS - begin)) -le 10 ]
within 8 "$weft" peer status --store e
check 'the default' [ "$code" -eq 1 ]
kill -CONT "${pids[e]}"
until_true "$weft" peer health --store e
ok "weft_link_live{replica=\"" "$weft" peer metrics --store e
check 'no port and no process in a label of a link' bash -c '! grep -qE "weft_link[a-z_]*\{link=" out.txt'
stop f

# --- signals, the log file (E2) ---
refused 1 'no/such/folder; make it first' "$weft" peer --store f --log-file no/such/folder/f.log
check 'no folder was made' [ ! -e no ]
mkfifo nobody.log
refused 1 'nobody reads from it' "$weft" peer --store f --log-file nobody.log
cat >f.conf <<'CONF'
store     = f              # a comment
log-file  = "f #1.log"     # quoted, since it has a # of its own
listen    = unix:f.sock	# behind a tab
log-level = info
CONF
start f --config f.conf
kill -USR1 "${pids[f]}"
kill -USR2 "${pids[f]}"
check 'the log file is the own user s' [ "$(stat -c %a 'f #1.log')" = 600 ]
mv 'f #1.log' rotated.log
sed -i 's/^log-level.*/log-level = debug\nconnect = unix:e.sock\nquota = 1 GiB/' f.conf
kill -HUP "${pids[f]}"
until_true grep -q ' info reloaded changed=\["connect","log-level"\] after_a_restart=\["quota"\]' 'f #1.log'
check 'the new file has the mode' [ "$(stat -c %a 'f #1.log')" = 600 ]
until_true grep -q ' debug link_open' 'f #1.log'
check 'nothing more in the old one' bash -c '! grep -q reloaded rotated.log'
until_true says ', connected' "$weft" peer status --store f
echo 'lisen = unix:x' >>f.conf
kill -HUP "${pids[f]}"
until_true grep -q " error reload_failed why=\"f.conf:.*there is no key 'lisen'" 'f #1.log'
sed -i '/^lisen\|^connect/d' f.conf
kill -HUP "${pids[f]}"
until_true says '0 links' "$weft" peer health --store f
kill -HUP "${pids[e]}" # no config file, no log file, no terminal
until_true grep -q ' info reloaded' e.log
ok "process ${pids[e]}" "$weft" peer status --store e
stop f
refused 1 'the quote " is not closed' "$weft" peer --config <(printf 'store = "f\n')
refused 1 'only a # comment may follow' "$weft" peer --config <(printf 'store = "f" g\n')

# --- the service manager (E2) ---
cat >listen.py <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode().replace("\n", " "), flush=True)
PY
python3 listen.py notify.sock >notified.txt &
pids[listener]=$!
until_true test -S notify.sock
NOTIFY_SOCKET=$PWD/notify.sock WATCHDOG_USEC=200000 "$weft" peer --store f 2>f.log &
pids[f]=$!
until_true grep -q '^READY=1$' notified.txt
until_true grep -q '^WATCHDOG=1$' notified.txt
kill -HUP "${pids[f]}"
until_true grep -qE '^RELOADING=1 MONOTONIC_USEC=[0-9]+$' notified.txt
stop f
until_true grep -q '^STOPPING=1$' notified.txt
check 'ready again after a reload' [ "$(grep -c '^READY=1$' notified.txt)" -eq 2 ]

# --- those who watch lock nobody out (D2) ---
cat >crowd.py <<'PY'
import json, socket, sys
line = json.dumps({"cmd": "watch", "document": sys.argv[2]}).encode() + b"\n"
held, answers = [], {"result": 0, "error": 0}
for i in range(450):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    s.sendall(line)
    answers[list(json.loads(s.makefile().readline()))[0]] += 1
    held.append(s)
for i in range(300):  # and those who say nothing
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    held.append(s)
print(answers["result"], answers["error"], flush=True)
sys.stdin.read()
PY
mkfifo hold.fifo
python3 crowd.py e/peer.sock "$empty" >crowd.txt <hold.fifo &
pids[crowd]=$!
exec 7>hold.fifo
until_true grep -q . crowd.txt
prints '384 66' cat crowd.txt
ok "process ${pids[e]}" "$weft" peer status --store e
refused 1 'as many as it takes' "$weft" doc watch "e:$empty"
echo '{"a": 3, "b": 2}' >ab.json
ok 'one more delta' "$weft" doc import "e:$empty" ab.json
stop e
exec 7>&-

# --- a start that fails leaves nothing behind (E4) ---
start e --listen unix:e.sock
refused 1 'e.sock' "$weft" peer --store new --create --listen unix:e.sock
check 'no store' [ ! -e new ]
refused 1 'e.sock' "$weft" peer --store new --create --listen unix:sockets/new.sock --listen unix:e.sock
check 'no folder for a socket' [ ! -e sockets ]
refused 1 'can' "$weft" peer --store new --create --log-file no/such/folder/log
check 'no store' [ ! -e new ]
mkdir new
echo mine >new/notes.txt
refused 1 'e.sock' "$weft" peer --store new --create --listen unix:e.sock
check 'what was there stays' [ "$(ls new)" = notes.txt ]
"$weft" store create old >/dev/null
refused 1 'e.sock' "$weft" peer --store old --create --listen unix:e.sock
ok 'all whole' "$weft" store verify old
stop e

# --- done means on the disk, also while that is full (A9) ---
mkdir disk
if mount -t tmpfs -o size=12m tmpfs disk 2>/dev/null; then
  has_disk=yes
  fill() { head -c 100M /dev/zero >disk/fill 2>/dev/null; }
  free_disk() { rm disk/fill; }
  limits=()
else
  echo 'no file system can be mounted here: a quota takes its place'
  fill() { :; }
  limits=(--quota 900K)
fi
store=disk/s
"$weft" peer --store $store --create "${limits[@]}" 2>s.log &
pids[s]=$!
until_true "$weft" peer status --store $store
for i in 1 2 3 4; do
  echo "{\"title\": \"before\", \"uid\": \"u$i\", \"panels\": []}" >"board$i.json"
  ok ': made' "$weft" dashboard import $store "board$i.json"
  ids[i]=${out#*:}
  ids[i]=${ids[i]%%:*}
done
fill
echo "{\"large\": \"$(head -c 1500000 /dev/zero | tr '\0' x)\"}" >large.json
sed 's/before/after/' board2.json >after2.json
# act NAME COMMAND...: in the background; what it said goes to NAME.act, its exit code behind it.
acting=()
act() {
  { "${@:2}" >"$1.act" 2>&1; echo "exit code $?" >>"$1.act"; } &
  acting+=($!)
}
act new "$weft" doc new $store: --from-json large.json
sleep 1
act set "$weft" dashboard set "$store:${ids[1]}" /title after
act import "$weft" doc import "$store:${ids[2]}" after2.json
act again "$weft" doc import "$store:${ids[2]}" after2.json
act status "$weft" store status $store "${ids[3]}" deleted
act trace "$weft" doc new $store: --from-trace generated
act dashboard "$weft" dashboard import $store after2.json
ok 'not on the disk yet, the peer holds it in memory: ' \
  "$weft" dashboard set --no-wait "$store:${ids[4]}" /title after
ok '"durable":false' "$weft" dashboard set --no-wait "$store:${ids[4]}" /title again --json
healthy 5 'unsaved; ' $store
wait "${acting[@]}"
for each in new set import again status trace dashboard; do
  check "$each is no success: $(head -c 300 $each.act)" grep -q '^exit code 1$' $each.act
  check "$each says what to do: $(head -c 300 $each.act)" grep -q "is NOT on the disk: .*Make room; don't write it a second time" $each.act
done
killed s
if [[ -n $has_disk ]]; then free_disk; fi
"$weft" store ls $store >out.txt 2>err.txt
check 'what was no success is not there' [ "$(grep -c live out.txt)" -eq 4 ]
for i in 1 2 3 4; do prints before "$weft" doc show "$store:${ids[i]}" /title; done

if [[ -n $has_disk ]]; then
  "$weft" peer --store $store 2>>s.log &
  pids[s]=$!
  until_true "$weft" peer status --store $store
  fill
  acting=()
  act new "$weft" doc new $store: --from-json large.json
  sleep 0.5
  act set "$weft" dashboard set "$store:${ids[1]}" /title after
  sleep 1
  free_disk
  wait "${acting[@]}"
  check "room in time is a success: $(head -c 300 new.act)" grep -q '^exit code 0$' new.act
  check "and so for what waited behind it: $(head -c 300 set.act)" grep -q '^exit code 0$' set.act
  healthy 0 'ready' $store
  killed s
  prints after "$weft" doc show "$store:${ids[1]}" /title
  check 'the large one is there' [ "$("$weft" store ls $store | grep -c live)" -eq 5 ]

  # Evicting gives no byte of the file back, and yet what waited for room is stored then.
  rm -r $store
  store=disk/t
  "$weft" peer --store $store --create 2>t.log &
  pids[t]=$!
  until_true "$weft" peer status --store $store
  echo "{\"t\": \"$(head -c 400000 /dev/urandom | base64 -w 0)\"}" >random.json
  for ((made = 0; made < 60; ++made)); do
    "$weft" doc new $store: --from-json random.json --no-wait >/dev/null 2>&1
    "$weft" peer health --store $store >/dev/null 2>&1 || break
  done
  healthy 5 'unsaved; ' $store
  kept=$("$weft" store ls $store | cut -c1-32 | sed -n '1,6p')
  for each in $kept; do ok 'evicted, was live' "$weft" store status $store "$each" evicted --force; done
  until_true "$weft" peer health --store $store
  ok 'everything is stored' "$weft" peer stop --store $store
  ended t 0
  ok 'all whole' "$weft" store verify $store
  check 'what waited is there' [ "$("$weft" store ls $store | grep -c live)" -eq $((made + 1 - 6)) ]
fi

# A relaxed peer flushes more rarely; done means on the disk there, too.
start r --create --relaxed
ok ': made' "$weft" doc new r: --from-json ab.json
id=$(made "$out")
killed r
prints '{"a":3,"b":2}' "$weft" doc show "r:$id" --json

# --- a store whose files are replaced under its peer: what it wrote would go with the old ones ---
"$weft" store create under >/dev/null
echo '{"k":0}' | "$weft" doc new under: --from-json - >/dev/null
"$weft" store backup under under.bak >/dev/null
id=$("$weft" store ls under | cut -c1-32)
start under
rm -r under/log under/derived
cp -r under.bak/. under/
echo '{"k":7}' >seven.json
refused 1 'was taken away or replaced' "$weft" doc import "under:$id" seven.json
healthy 4 'was taken away or replaced' under
refused 1 'was taken away or replaced' "$weft" peer stop --store under
ended under 1
start under
rm -r under/log
refused 1 'was taken away or replaced' "$weft" peer stop --store under
ended under 1
# The same while nothing is asked but whether it is well; and a backup that is copied over the files.
cp -r under.bak over
start over
id=$("$weft" store ls over | cut -c1-32)
for n in 1 2; do ok 'one more delta' "$weft" doc import "over:$id" <(echo "{\"k\":$n}"); done
cp under.bak/log/data.mdb over/log/data.mdb
refused 1 'was overwritten' "$weft" doc import "over:$id" seven.json
refused 1 'was overwritten' "$weft" peer stop --store over
ended over 1
cp -r under.bak gone
start gone
rm gone/log/data.mdb
until_true bash -c '"$1" peer health --store gone | grep -q "store failed"' bash "$weft"
refused 1 'was taken away or replaced' "$weft" peer stop --store gone
ended gone 1
# A log goes into no other file.
echo precious >kept.txt
refused 1 'kept.txt: holds something else than a log' "$weft" peer --store r --log-file kept.txt
prints 'precious' cat kept.txt

finish
