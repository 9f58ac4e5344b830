#!/usr/bin/env bash
# Runs `weft store`, and `weft doc` on documents in stores, as a user does: beside a process that writes, on a full
# disk and on damaged files too.
#
#   tests/apps/store_cli_test.sh PATH_OF_WEFT
#
# shellcheck source=tests/apps/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
root=$(dirname "$tests")

# --- help ---
ok 'weft store import boards board.weft' "$weft" help
ok 'weft store salvage boards' "$weft" help store salvage
for command in create ls stat verify import export status trash trim compact backup salvage; do
  ok "weft store $command " "$weft" help store "$command"
done

# --- what goes into stores ---
echo '{"title": "CPU", "panels": {"cpu": {"w": 12}}, "tags": ["a", "b"], "ratio": 1.0}' >one.json
echo '{"title": "CPU busy", "panels": {"cpu": {"w": 12}}, "tags": ["a", "x", "b"], "ratio": 1.0}' \
  >two.json
for each in one two; do sed 's/^{/{"only": 1, /' $each.json >"only-$each.json"; done
ok 'made' "$weft" doc new board.weft --from-json one.json --message 'first version'
for each in two.json only-one.json only-two.json; do
  ok 'one more delta' "$weft" doc import board.weft "$each"
done
ok 'made' "$weft" doc new other.weft --from-json two.json
prints '' "$weft" doc snapshot other.weft other.snapshot

# --- the README's commands, as they stand there ---
mkdir readme
sed -n '/<!-- store: begin -->/,/<!-- store: end -->/s/^    build\/release\/weft /"$weft" /p' \
  "$root/README.md" >readme/commands.sh
cp board.weft readme/
checks=$((checks + 1))
[[ $(wc -l <readme/commands.sh) -ge 8 ]] || fail 'the README has commands' "$(cat readme/commands.sh)"
ok 'all whole' env weft="$weft" bash -e -c 'cd readme && source ./commands.sh'

# --- a store ---
ok 'made a store in boards' "$weft" store create boards
refused 1 'boards: there is a store already' "$weft" store create boards
prints 'no documents' "$weft" store ls boards
prints '' "$weft" store ls boards --json
ok '0 records, all whole' "$weft" store verify boards
ok 'new delta' "$weft" store import boards board.weft
ok ': 0 new deltas' "$weft" store import boards board.weft
ok ' replica' "$weft" store ls boards
ok 'documents     1 live, 0 evicted, 0 deleted' "$weft" store stat boards
ok 'openings      3 for writing' "$weft" store stat boards
ok 'all whole' "$weft" store verify boards
prints '' "$weft" store verify boards --json
id=$("$weft" store ls boards | cut -c1-32)
ok "{\"document\":\"$id\",\"status\":\"live\"" "$weft" store ls boards --json
ok '"live":1,"evicted":0,"deleted":0' "$weft" store stat boards --json
prints '' "$weft" store export boards "${id:0:8}" exported.weft
prints "$("$weft" doc show board.weft)" "$weft" doc show exported.weft
refused 1 'exported.weft: exists already' "$weft" store export boards "$id" exported.weft
prints '' "$weft" store export boards "$id" exported.weft --force
refused 1 "boards: the store has no document 'zz'" "$weft" store export boards zz other.weft
refused 1 'there is no store in nowhere; `weft store create nowhere`' "$weft" store ls nowhere
for command in ls stat verify; do
  refused 1 'board.weft is a file; a store is a folder' "$weft" store "$command" board.weft
done
refused 1 'board.weft is a file' "$weft" store create board.weft
refused 1 'one.json: ' "$weft" store import boards one.json
refused 1 'missing.weft: there is no such file' "$weft" store import boards missing.weft
refused 1 'other.snapshot: history needed: this is a snapshot' \
  "$weft" store import boards other.snapshot
refused 2 'STORE' "$weft" store ls
refused 2 'DOCUMENT and FILE' "$weft" store export boards
refused 2 'FILE is required' "$weft" store export boards "$id"
refused 2 'gone' "$weft" store status boards "$id" gone

# --- documents in a store ---
prints "$("$weft" doc show board.weft)" "$weft" doc show "boards:$id"
prints "$("$weft" doc show board.weft)" "$weft" doc show boards:
prints "$("$weft" doc log board.weft)" "$weft" doc log "boards:${id:0:8}"
prints "$("$weft" doc at board.weft 1)" "$weft" doc at "boards:$id" 1
prints "$("$weft" doc diff board.weft 1 2)" "$weft" doc diff "boards:$id" 1 2
prints "$("$weft" doc history board.weft /only)" "$weft" doc history "boards:$id" /only
ok '/only: ' "$weft" doc why "boards:$id" /only
prints 'no conflicts' "$weft" doc conflicts "boards:$id"
prints '' "$weft" doc snapshot "boards:$id" stored.snapshot
prints "$("$weft" doc show board.weft)" "$weft" doc show stored.snapshot
ok ': made, with 8 operations' "$weft" doc new boards: --from-json one.json --message 'in the store'
made=${out#boards:}
made=${made%%:*}
prints 'CPU' "$weft" doc show "boards:$made" /title
ok "boards:$made: one more delta" "$weft" doc import "boards:$made" two.json
ok 'nothing written' "$weft" doc import "boards:$made" two.json
prints 'CPU busy' "$weft" doc show "boards:$made" /title
prints 'CPU' "$weft" doc at "boards:$made" 1 /title
ok '"in the store"' "$weft" doc log "boards:$made"
# What an import inserts is a delta whose author follows from what is in it (docs/adr/0016); all else is the store's.
replica=$("$weft" store stat boards | sed -n 's/^replica *//p')
ok "$replica:0" "$weft" doc log "boards:$made"
checks=$((checks + 1))
[[ $(sed -E 's/^#[0-9]+ +([0-9a-f]{16}):.*/\1/; s/^5eed.*/inserted/' <<<"$out" | sort -u) == \
  "$(printf '%s\n' "$replica" inserted | sort)" ]] || fail 'who wrote a document in a store' "$replica" "$out"
refused 1 'several documents; say which' "$weft" doc show boards:
refused 1 "no document 'zz'; \`weft store ls boards\`" "$weft" doc show boards:zz
refused 1 "no document 'zz'" "$weft" doc import boards:zz one.json
refused 1 'boards: is a store; name a document in it' "$weft" doc show boards
refused 1 'boards: is a store; name a document in it' "$weft" doc import boards one.json
refused 1 'boards: is a store; write boards: ' "$weft" doc new boards --from-json one.json
refused 1 'the id of a new document is drawn' "$weft" doc new boards:12 --from-json one.json
refused 1 'nowhere:12: there is no such file, and no store in nowhere' "$weft" doc show nowhere:12
refused 1 'there is no version #99' "$weft" doc at "boards:$made" 99
cp board.weft with:colon.weft
prints "$("$weft" doc show board.weft)" "$weft" doc show with:colon.weft
ok '' "$weft" store create many
for i in $(seq 17); do "$weft" doc new "many$i.weft" --from-json one.json >/dev/null; done
ok '' "$weft" store import many many*.weft
digit=$("$weft" store ls many | cut -c1 | uniq -d | head -n 1) # 17 ids, 16 digits
refused 1 "several documents begin with '$digit'" "$weft" doc show "many:$digit"

# --- archives ---
ok 'boards.xml: 2 documents' "$weft" store export boards --archive xml boards.xml
ok 'one.bin: 1 document, 3 deltas' "$weft" store export boards "$made" --archive binary one.bin
refused 1 'boards.xml: exists already' "$weft" store export boards --archive xml boards.xml
refused 2 'xml,binary' "$weft" store export boards --archive zip boards.zip
refused 2 'FILE' "$weft" store export boards --archive xml
ok 'made' "$weft" store create copied
ok '0 known before' "$weft" store import copied one.bin
ok 'boards.xml: 2 documents' "$weft" store import copied boards.xml
input=boards.xml
ok ', 0 new deltas' "$weft" store import copied -
input=/dev/null
for each in "$id" "$made"; do
  prints "$("$weft" doc log "boards:$each")" "$weft" doc log "copied:$each"
done
head -c -5 boards.xml >cut.xml
refused 1 'cut.xml: corrupt' "$weft" store import copied cut.xml

# --- what a store does with a document ---
refused 1 "no peer runs on this store" "$weft" store status copied "$made" evicted
noted "with --force"
ok "$made: evicted, was live" "$weft" store status copied "$made" evicted --force
ok "$made: evicted already" "$weft" store status copied "$made" evicted
ok "$made  evicted" "$weft" store ls copied
refused 1 "\`weft store status copied $made live\`" "$weft" doc show "copied:$made"
refused 1 "\`weft store status copied $made live\`" "$weft" doc import "copied:$made" one.json
refused 1 "\`weft store status copied $made live\`" "$weft" store import copied one.bin
refused 1 "\`weft store status copied $made live\`" "$weft" store export copied "$made" none.weft
ok '2 documents' "$weft" store export copied --archive binary evicted.bin
ok 'live, was evicted' "$weft" store status copied "$made" live
ok '3 new deltas' "$weft" store import copied one.bin
ok 'deleted, was live' "$weft" store status copied "$made" deleted
ok '0 new deltas, 3 known before' "$weft" store import copied one.bin
ok '1 live, 0 evicted, 1 deleted' "$weft" store stat copied
ok '' "$weft" store export copied --archive xml deleted.xml
# A status comes along where the store has nothing of the document yet, and never takes anything away.
ok 'made' "$weft" store create fresh
ok '' "$weft" store import fresh deleted.xml
ok "$made  deleted" "$weft" store ls fresh
prints "$("$weft" store trash ls copied --json)" "$weft" store trash ls fresh --json
checks=$((checks + 1))
[[ $out == *'"deleted_at":"2'* && $(<deleted.xml) == *"<status>deleted</status>"*"<deleted_by>"* ]] ||
  fail 'an archive says who deleted a document' "$out"
ok ' 0 new deltas' "$weft" store import fresh deleted.xml
ok "$made: live, was deleted" "$weft" store trash restore fresh "$made"
prints 'CPU busy' "$weft" doc show "fresh:$made" /title
# Once restored it stays so, and the archive of it brings it back where it is in the trash.
ok ' 0 new deltas' "$weft" store import fresh deleted.xml
ok "$made  live" "$weft" store ls fresh
ok '' "$weft" store export fresh --archive binary restored.bin
ok '1 new delta' "$weft" store import copied restored.bin
noted "$made was deleted here and is live again"
ok "$made: deleted, was live" "$weft" store status copied "$made" deleted
# What is edited here stays, contested, when an archive in which it is deleted comes.
ok '' "$weft" store export copied --archive xml deleted-again.xml
ok 'one more delta' "$weft" doc import "fresh:$made" only-one.json
ok '0 new deltas' "$weft" store import fresh deleted-again.xml
noted "$made is contested: deleted by "
ok "contested: deleted by" "$weft" store ls fresh
ok '' "$weft" store export fresh "$made" --archive xml contested.xml
ok 'made' "$weft" store create again
ok '' "$weft" store import again contested.xml
ok "contested: deleted by" "$weft" store ls again
# And what is here just as it was deleted there goes into the trash, which is said.
ok 'made' "$weft" store create twin
ok '' "$weft" store import twin boards.xml
ok '1 document into the trash' "$weft" store import twin deleted.xml
noted "$made is in the trash now: deleted by "
ok '0 new deltas' "$weft" store import boards evicted.bin
noted "$made is evicted in the archive and stays as it is here"
prints 'CPU busy' "$weft" doc show "boards:$made" /title
refused 1 'no version #9' "$weft" store trim boards "$made" 9
refused 2 "'soon' is no version" "$weft" store trim boards "$made" soon
ok '#3 ' "$weft" doc log "boards:$made"
untrimmed=$(tail -n 1 <<<"$out")
ok ': history ' "$weft" store trim boards "$made" 2
prints 'CPU busy' "$weft" doc show "boards:$made" /title
ok '#1 ' "$weft" doc log "boards:$made"
noted "boards:$made was trimmed: it holds the state at"
checks=$((checks + 1))
[[ $out != *'#2 '* && ${out#*  } == "${untrimmed#*  }" ]] ||
  fail 'doc log of a trimmed document' "$out" "before: $untrimmed"
refused 1 "$made, record" "$weft" store export boards --archive xml trimmed.xml
prints '' "$weft" store export boards "$made" trimmed.weft
prints 'CPU busy' "$weft" doc show trimmed.weft /title

# --- numbers beyond int64 and double, through archives ---
echo '{"n": [18446744073709551615, 0.1000000000000000055511151231257827, 1e400, -0, 1e3]}' >numbers.json
numbers='{"n":[18446744073709551615,0.1000000000000000055511151231257827,1e400,-0,1000.0]}'
ok 'made' "$weft" store create numbers
ok 'made' "$weft" doc new numbers: --from-json numbers.json
for format in xml binary; do
  ok '1 document, 1 delta' "$weft" store export numbers --archive $format "numbers.$format"
  ok 'made' "$weft" store create "from-$format"
  ok '1 new delta' "$weft" store import "from-$format" "numbers.$format"
  prints "$numbers" "$weft" doc show "from-$format:" --json
done

# --- compacting and backups ---
ok 'made' "$weft" store create busy
ok '' "$weft" doc new busy: --from-json one.json
for i in $(seq 40); do
  echo "{\"title\": \"title $i of a document that is compacted\"}" |
    "$weft" doc import busy: - >/dev/null
done
before=$("$weft" doc log busy:)
ok 'estimate: history ' "$weft" store compact busy --dry-run
checks=$((checks + 1))
[[ $out != *sealed* && $("$weft" store ls busy) == *' 41 records'* ]] ||
  fail 'compact --dry-run changes nothing' "$out"
ok 'sealed: history ' "$weft" store compact busy --no-shrink
checks=$((checks + 1))
[[ $out != *shrunk* ]] || fail 'compact --no-shrink' "$out"
ok ' 1 record, 51 operations' "$weft" store ls busy
size=$(stat -c %s busy/log/data.mdb)
ok 'shrunk: files ' "$weft" store compact busy
checks=$((checks + 1))
[[ $(stat -c %s busy/log/data.mdb) -lt $size ]] || fail 'compact makes the files smaller' "$out"
prints "$before" "$weft" doc log busy:
ok 'copied 1 record of 1 document' "$weft" store backup busy saved
prints "$before" "$weft" doc log saved:
refused 1 'saved is there already; name a new folder' "$weft" store backup busy saved
refused 1 'nowhere/saved' "$weft" store backup busy nowhere/saved
refused 1 'there is no store in nowhere' "$weft" store compact nowhere
ok 'one more delta' "$weft" doc import saved: one.json
noted 'saved: it was copied or moved to here; it writes as replica '
prints "$before" "$weft" doc log busy:
if unshare -rm true 2>/dev/null; then # a disk of its own, which is nearly full
  mkdir disk
  refused 1 ' are free; make room, or give --no-shrink' unshare -rm bash -c '
    mount -t tmpfs -o size=1m none disk && cp -r busy disk/busy &&
      head -c 2m /dev/zero >disk/full 2>/dev/null; "$1" store compact disk/busy >compact.txt' \
    bash "$weft"
  checks=$((checks + 1))
  [[ $(cat compact.txt) == 'estimate: '* && $(cat compact.txt) != *sealed* ]] ||
    fail 'compact without room' "$(cat compact.txt)"
  # LMDB writes its list of readers through a map: without room for it the process died of SIGBUS.
  refused 1 'No space left on device' unshare -rm bash -c '
    mount -t tmpfs -o size=1m none disk && head -c 2m /dev/zero >disk/full 2>/dev/null; "$1" store create disk/new' \
    bash "$weft"
else
  skip 'compacting on a full disk, which needs unshare -rm'
fi

# --- one process writes, others read ---
mkfifo file.fifo list.fifo
"$weft" store import boards file.fifo >/dev/null &
writer=$!
exec 9>file.fifo # returns when the writer reads the file, and has the store
for command in 'store import boards board.weft' "store status boards $id evicted" \
  "store trim boards $id 1" 'store compact boards' 'store salvage boards none' \
  "doc import boards:$id one.json" 'doc new boards: --from-json one.json'; do
  # shellcheck disable=SC2086
  refused 1 "boards is open for writing by process $writer" "$weft" $command
done
ok "$id" "$weft" store ls boards
ok "open in       process $writer" "$weft" store stat boards
ok "{\"pid\":$writer,\"lag\":0}" "$weft" store stat boards --json
ok 'all whole' "$weft" store verify boards
ok 'estimate' "$weft" store compact boards --dry-run
ok 'copied' "$weft" store backup boards saved-beside
prints '' "$weft" store export boards "$id" beside.weft
prints "$("$weft" doc show board.weft)" "$weft" doc show "boards:$id"
cat other.weft >&9
exec 9>&-
checks=$((checks + 1))
wait "$writer" || fail 'the writer goes on beside readers'
ok '3 live' "$weft" store stat boards

for i in $(seq 18 420); do "$weft" doc new "many$i.weft" --from-json one.json >/dev/null; done
ok '' "$weft" store import many many*.weft
"$weft" store ls many --json >list.fifo & # more than a pipe holds: it waits with the store open
reader=$!
exec 8<list.fifo
read -r _ <&8
broken $'estimate: *\nsealed: history *iB' 'The history is sealed all the same' "$weft" store compact many
noted "many is open in other processes, pid $reader;"
cat <&8 >/dev/null
exec 8<&-
wait "$reader"
ok 'shrunk' "$weft" store compact many

# --- damage ---
# flip FILE TEXT: changes a byte of every copy of TEXT.
flip() {
  local at
  for at in $(grep -abo "$2" "$1" | cut -d: -f1); do
    printf '!' | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
  done
}
ok 'made' "$weft" store create hurt
ok '' "$weft" store import hurt board.weft
echo '{"title": "before"}' >before.json
ok '' "$weft" doc new hurt: --from-json before.json
hurt=${out#hurt:}
hurt=${hurt%%:*}
for title in to-be-damaged behind; do
  echo "{\"title\": \"$title\"}" >title.json
  ok 'one more delta' "$weft" doc import "hurt:$hurt" title.json
done
ok 'all whole' "$weft" store verify hurt
flip hurt/log/data.mdb to-be-damaged
broken 'damaged  record *: its checksum is wrong' \
  "1 record can't be used, the others can; \`weft store salvage hurt NEW\`" "$weft" store verify hurt
position=${out//[^0-9]/}
broken "{\"position\":$position,\"error\":\"corrupt\",*}" "1 record can't be used" \
  "$weft" store verify hurt --json
ok "$hurt" "$weft" store ls hurt
prints "$("$weft" doc log board.weft)" "$weft" doc log "hurt:$id"
refused 1 "hurt: record $position: its checksum is wrong; \`weft store verify hurt\`" \
  "$weft" doc log "hurt:$hurt"
refused 1 'copied is there already; name a new folder' "$weft" store salvage hurt copied
refused 1 'there is no store in nowhere' "$weft" store salvage nowhere salvaged
cp -r hurt bare # without the states that are kept beside the log
rm -r bare/derived
partly "without history  $hurt: the log lost 1 operation" "$weft" store salvage hurt salvaged
ok 'all whole' "$weft" store verify salvaged
prints "$("$weft" doc log board.weft)" "$weft" doc log "salvaged:$id"
prints 'behind' "$weft" doc show "salvaged:$hurt" /title
partly "incomplete  $hurt: 1 operation is missing (" "$weft" store salvage bare bare-salvaged
ok before "$weft" doc show "bare-salvaged:$hurt" /title
noted "document $hurt is incomplete: 1 delta of it can't be used"
ok 'one more delta' "$weft" doc import "bare-salvaged:$hurt" title.json
prints 'behind' "$weft" doc show "bare-salvaged:$hurt" /title
cp -r bare-salvaged pages # a page of the log, and one of what is derived from it
for at in $(grep -abo before pages/log/data.mdb | cut -d: -f1); do
  printf '!!!!!!!!!!!!!!!!' |
    dd of=pages/log/data.mdb bs=1 seek=$((at / 4096 * 4096)) conv=notrunc status=none
done
broken 'damaged  pages/log/data.mdb: page *' '`weft store salvage pages NEW`' \
  "$weft" store verify pages
# The older copies of its records take their place; what bare-salvaged lacked before is named as lost.
partly "incomplete  $hurt: 1 operation is missing (" "$weft" store salvage pages pages-salvaged
checks=$((checks + 1))
[[ $out == *' copied into pages-salvaged'* && $(grep -cv ' copied into ' <<<"$out") -eq 1 ]] ||
  fail 'salvage names just what is lost' "$out"
ok 'all whole' "$weft" store verify pages-salvaged
prints 'behind' "$weft" doc show "pages-salvaged:$hurt" /title
for page in 2 3 4 5 6 7 8; do
  printf '!!!!!!!!!!!!!!!!' |
    dd of=bare-salvaged/derived/data.mdb bs=1 seek=$((page * 4096)) conv=notrunc status=none
done
broken 'damaged  bare-salvaged/derived/data.mdb: *' 'remove the folder bare-salvaged/derived, it is made anew' \
  "$weft" store verify bare-salvaged
refused 1 'remove the folder bare-salvaged/derived' "$weft" store ls bare-salvaged
rm -r bare-salvaged/derived
ok "$hurt" "$weft" store ls bare-salvaged
ok 'all whole' "$weft" store verify bare-salvaged

# A document whose only copy is its kept state; a log of which nothing is left.
cp -r boards emptied
: >emptied/log/data.mdb
refused 1 'is empty: it was cut off' "$weft" store ls emptied
[[ -s emptied/log/data.mdb ]] && fail 'an emptied log' 'somebody has written into it'
partly 'unknown  the log is damaged' "$weft" store salvage emptied emptied-salvaged
[[ ! -e emptied-salvaged.unfinished ]] || fail 'salvage' 'it leaves something behind'

# What is no file is written to and stays.
mkfifo pipe
cat pipe >piped &
piping=$!
prints '' "$weft" doc snapshot board.weft pipe
[[ $code -eq 0 ]] || kill "$piping" # nobody else ends it
wait "$piping"
prints '' "$weft" doc snapshot board.weft board.snapshot
checks=$((checks + 2))
{ [[ -p pipe ]] && cmp -s piped board.snapshot; } ||
  fail 'doc snapshot to a fifo' 'the fifo is gone, or something else came'
{ "$weft" doc snapshot board.weft /dev/stdout | cat >printed; } 2>err.txt && cmp -s printed board.snapshot ||
  fail 'doc snapshot to /dev/stdout' "stderr: $(cat err.txt)"

# A store on a mount that is read-only, clean and after a kill.
if unshare -rm true 2>/dev/null; then
  cp -r boards mounted
  (
    "$weft" doc watch mounted:"$id" >/dev/null 2>&1 &
    sleep 0.2
    kill -9 $!
    wait $!
  ) 2>/dev/null
  # shellcheck disable=SC2016 # the inner shell expands it
  readonly_store='mount --bind mounted mounted && mount -o remount,ro,bind mounted && shift && "$@"'
  on_mount() { unshare -rm bash -c "$readonly_store" bash x "$@"; }
  ok "$id" on_mount "$weft" store ls mounted
  ok 'all whole' on_mount "$weft" store verify mounted
  ok '"title"' on_mount "$weft" doc show mounted:"$id"
  ok '' on_mount "$weft" store backup mounted backup-of-mounted
  ok 'all whole' "$weft" store verify backup-of-mounted
  ok '' on_mount "$weft" store salvage mounted salvage-of-mounted
  ok 'all whole' "$weft" store verify salvage-of-mounted
  refused 1 'ead-only' on_mount "$weft" store status mounted "$id" deleted
else
  skip 'a read-only mount, which needs unshare -rm'
fi

# A store of another user, and with little address space.
if grep -q __asan_init "$weft"; then
  skip 'little address space: the sanitizers map terabytes'
else
  (
    ulimit -v 8000000
    "$weft" store ls boards >limited && "$weft" store verify boards >>limited
  ) || fail 'ulimit -v 8000000' 'the store does not open'
fi
if [[ $(id -u) -eq 0 ]] && command -v setpriv >/dev/null; then
  chmod 755 . boards boards/log boards/derived
  chmod 644 boards/*/*.mdb boards/*.lock
  as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  if "${as_nobody[@]}" test -x "$weft" -a -r boards/log/data.mdb; then
    ok "$id" "${as_nobody[@]}" "$weft" store ls boards
    ok 'all whole' "${as_nobody[@]}" "$weft" store verify boards
    chmod 700 boards
    refused 1 'may not look into it' "${as_nobody[@]}" "$weft" store ls boards
  fi
fi

finish
