#!/usr/bin/env bash
# Deletes documents, brings them back and gives them up as a user does: alone, between two peers, against an edit that
# the deletion had not seen, and under jobs that import again and again.
#
#   tests/apps/trash_cli_test.sh PATH_OF_WEFT
#
# shellcheck source=tests/apps/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# shellcheck source=tests/apps/peers.sh
source "$tests/apps/peers.sh"

shows() { [[ $("$weft" doc show "$1" --json 2>/dev/null) == "$2" ]]; }

# --- alone: the trash ---
ok '' "$weft" store create s
echo '{"t": 1}' >one.json
echo '{"t": 2}' >two.json
ok 'made' "$weft" doc new s: --from-json one.json
id=${out#s:}
id=${id%%:*}
ok 'the trash is empty' "$weft" store trash ls s
ok "$id: deleted, was live" "$weft" store status s "$id" deleted
ok "$id: deleted already" "$weft" store status s "$id" deleted
ok "$id  deleted" "$weft" store ls s
ok 'stays for 30 more days' "$weft" store trash ls s
ok '"days_left":30' "$weft" store trash ls s --json
refused 1 "\`weft store trash restore s $id\`" "$weft" doc show "s:$id"
refused 1 'in the trash' "$weft" store status s "$id" evicted
ok '0 documents purged' "$weft" store trash empty s
ok "$id: live, was deleted" "$weft" store trash restore s "$id"
prints '{"t":1}' "$weft" doc show "s:$id" --json
ok 'no conflicts' "$weft" doc conflicts "s:$id"
ok 'all whole' "$weft" store verify s

# A job that imports the same file does not undo a deletion; a file that says something else does, and so does a person.
ok 'deleted, was live' "$weft" store status s "$id" deleted
for _ in 1 2 3; do ok 'left there' "$weft" doc import "s:$id" one.json; done
ok "$id  deleted" "$weft" store ls s
ok 'one more delta' "$weft" doc import "s:$id" two.json
prints '{"t":2}' "$weft" doc show "s:$id" --json
ok 'deleted, was live' "$weft" store status s "$id" deleted
ok 'nothing written' "$weft" doc import "s:$id" two.json --restore
prints '{"t":2}' "$weft" doc show "s:$id" --json

# The same with a dashboard, whose uid means it.
board="$tests/data/dashboards/service-overview.json"
ok 'made' "$weft" dashboard import s: "$board"
uid_name=${out%%: made*}
uid=${uid_name#s:}
ok 'deleted, was live' "$weft" store status s "$uid" deleted
for _ in 1 2 3; do ok 'left there' "$weft" dashboard import s: "$board"; done
ok "$uid  deleted" "$weft" store ls s
sed 's/"title": "[^"]*"/"title": "Another"/' "$board" >changed.json
ok "$uid_name" "$weft" dashboard import s: changed.json
ok "$uid  live" "$weft" store ls s
# Evicted and kept again it is imported anew.
ok 'evicted, was live' "$weft" store status s "$uid" evicted --force
refused 1 'is evicted here' "$weft" dashboard import s: "$board"
ok 'live, was evicted' "$weft" store status s "$uid" live
ok "$uid  live" "$weft" store ls s
ok "$uid_name" "$weft" dashboard import s: "$board"
ok "$uid  live" "$weft" store ls s
"$weft" store create fresh >/dev/null
ok "fresh:$uid: made" "$weft" dashboard import fresh: "$board"
"$weft" dashboard export "fresh:$uid" fresh.json --no-version >/dev/null
"$weft" dashboard export "$uid_name" again.json --no-version >/dev/null
checks=$((checks + 1))
cmp fresh.json again.json >out.txt 2>&1 || fail 'the same as imported into a new store' "$(cat out.txt)"

# --- two peers: an edit that the deletion had not seen ---
start a --create --listen unix:a.sock
start b --create --connect unix:a.sock
ok 'made' "$weft" doc new a: --from-json one.json
id=${out#a:}
id=${id%%:*}
until_true shows "b:$id" '{"t":1}'
stop a
stop b
ok 'deleted, was live' "$weft" store status a "$id" deleted
echo '{"t": "two hours"}' | "$weft" doc import "b:$id" - >/dev/null
start a --listen unix:a.sock
start b --connect unix:a.sock
until_true shows "a:$id" '{"t":"two hours"}'
until_true says 'contested' "$weft" sync status a
for store in a b; do
  until_true says 'deleted by' "$weft" doc conflicts "$store:$id"
  ok '(1 operation)' "$weft" doc conflicts "$store:$id"
  ok '"kind":"contested"' "$weft" doc conflicts "$store:$id" --json
  ok '"kind":"contested"' "$weft" dashboard conflicts "$store:$id" --json
  ok 'contested: deleted by' "$weft" store ls "$store"
done
ok "$id: live" "$weft" store status a "$id" live
until_true says 'no conflicts' "$weft" doc conflicts "b:$id"

# --- live again, with two peers linked, is no trap ---
ok 'deleted, was live' "$weft" store status a "$id" deleted
until_true says "$id  deleted" "$weft" store ls b
ok 'live, was deleted' "$weft" store status b "$id" live
until_true shows "a:$id" '{"t":"two hours"}'
ok 'one more delta' "$weft" doc import "a:$id" one.json
until_true shows "b:$id" '{"t":1}'
stop a
stop b
start a --listen unix:a.sock
start b --connect unix:a.sock
until_true says 'in step' "$weft" sync status b
prints '{"t":1}' "$weft" doc show "a:$id" --json
prints '{"t":1}' "$weft" doc show "b:$id" --json

# --- evicting: one of the two may, the other is told why not ---
until_true says 'in step' "$weft" sync status a
checks=$((checks + 1))
evicted=0
for store in a b; do
  "$weft" store status "$store" "$id" evicted >out.txt 2>err.txt && evicted=$((evicted + 1))
done
[[ $evicted -eq 1 && $(cat err.txt)$(cat out.txt) != '' ]] || fail 'one of two evicts' "$evicted did"
stop a
stop b

finish
