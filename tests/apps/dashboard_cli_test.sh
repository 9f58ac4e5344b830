#!/usr/bin/env bash
# Runs `weft dashboard`, `weft reconcile`, `weft merge-driver` and `weft completion` as a user does: on a document file, on
# a store, through a running peer; right and wrong commands; devices that were apart; git.
#
#   tests/apps/dashboard_cli_test.sh PATH_OF_WEFT
#
# The recorded merges come from $WEFT_DATA/dashboards, or ../shared/data/dashboards beside this tree.
#
recorded=${WEFT_DATA:-$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../..")/shared/data}/dashboards/real-merges.jsonl.gz
# shellcheck source=tests/apps/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
# shellcheck source=tests/apps/peers.sh
source "$tests/apps/peers.sh"

cat >nodes.json <<'JSON'
{"title": "Nodes", "uid": "nodes", "version": 3, "tags": ["linux"],
 "templating": {"list": [{"name": "job", "type": "query", "query": "label_values(job)"}]},
 "panels": [
   {"id": 1, "type": "graph", "title": "CPU busy", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
    "targets": [{"refId": "A", "expr": "cpu"}, {"refId": "B", "expr": "steal"}]},
   {"id": 2, "type": "graph", "title": "Memory", "gridPos": {"x": 12, "y": 0, "w": 12, "h": 8},
    "description": "what is used"},
   {"id": 3, "type": "row", "title": "Disks", "gridPos": {"x": 0, "y": 8, "w": 24, "h": 1}},
   {"id": 4, "type": "graph", "title": "Reads", "gridPos": {"x": 0, "y": 9, "w": 12, "h": 8}}]}
JSON
sed 's/"CPU busy"/"CPU"/; s/"steal"/"stolen"/' nodes.json >edited.json

# id_of: the document that the last command's JSON names.
id_of() { sed -n 's/.*"document":"\([0-9a-f]\{32\}\)".*/\1/p' <<<"$out"; }
# holds TEXT: what the last command said on standard output
holds() {
  checks=$((checks + 1))
  [[ $out == *"$1"* ]] || fail "also said: $1" "stdout: $out"
}
# only_id STORE: of its one dashboard
only_id() { "$weft" dashboard ls "$1" --json | sed -n 's/.*"document":"\([0-9a-f]\{32\}\)".*/\1/p'; }

# --- help ---
ok 'weft dashboard import boards' "$weft" help
ok 'Every command has --json' "$weft" help dashboard
for command in new import export ls show set move rm restore history diff blame conflicts resolve why watch; do
  ok "weft dashboard $command " "$weft" help dashboard "$command"
done
ok 'merge-driver --install' "$weft" help merge-driver
ok 'weft reconcile boards:4f1c nodes.json' "$weft" help reconcile

# life NAME: what one dashboard goes through, by the name that it has.
life() {
  local name=$1
  ok 'nothing changed; nothing written' "$weft" dashboard import "$name" nodes.json
  ok '1   graph  CPU busy  0,0 12x8' "$weft" dashboard show "$name"
  holds '4   graph  Reads     0,9 12x8   Disks'
  holds 'job       query  label_values(job)'
  ok '"title":"Nodes","uid":"nodes","tags":["linux"]' "$weft" dashboard show "$name" --json
  prints '"label_values(job)"' "$weft" dashboard show "$name" /templating/list/job/query
  prints '12' "$weft" dashboard show "$name" /panels/Memory/gridPos/x
  ok '1 panel changed; 2 operations' "$weft" dashboard import "$name" edited.json --message 'shorter'
  ok '"shorter"' "$weft" dashboard history "$name"
  ok '"message":"shorter"' "$weft" dashboard history "$name" --json
  ok '"erased":false,"value":"CPU","message":"shorter"' "$weft" dashboard history "$name" /panels/1/title --json
  prints $'panel 1 "CPU", target B: expr: "steal" -> "stolen"\npanel 1 "CPU": title: "CPU busy" -> "CPU"' \
    "$weft" dashboard diff "$name" 1
  ok '"path":"/panels/1/title","where":"panel 1 \"CPU\": title","kind":"set","before":"CPU busy","after":"CPU"' \
    "$weft" dashboard diff "$name" 1 2 --json
  prints 'no difference' "$weft" dashboard diff "$name" now edited.json
  ok '"CPU" -> "CPU busy"' "$weft" dashboard diff "$name" now nodes.json

  ok '/title is set; 1 operation' "$weft" dashboard set "$name" /title 'All nodes' --message 'title'
  ok '; nothing written' "$weft" dashboard set "$name" /title 'All nodes'
  ok 'is set' "$weft" dashboard set "$name" /panels/CPU/fieldConfig/defaults/min 0
  prints $'{\n  "defaults": {\n    "min": 0\n  }\n}' "$weft" dashboard show "$name" /panels/CPU/fieldConfig
  ok 'is set' "$weft" dashboard set "$name" /panels/- '{"type": "stat", "title": "Load"}'
  ok 'is set' "$weft" dashboard set "$name" /panels/Load/targets/- '{"expr": "load1"}'
  prints '"A"' "$weft" dashboard show "$name" /panels/Load/targets/A/refId
  ok '"durable":true' "$weft" dashboard move "$name" Load 0,20,6,4 --json
  prints '{"h":4,"w":6,"x":0,"y":20}' "$weft" dashboard show "$name" /panels/Load/gridPos --json
  ok 'panel Load is moved' "$weft" dashboard move "$name" Load --before Memory
  ok 'panel Memory is moved' "$weft" dashboard move "$name" Memory --into Disks
  ok '"title":"Memory","grid":{"x":12,"y":25,"w":12,"h":8},"row":"3"' "$weft" dashboard show "$name" --json
  "$weft" dashboard export "$name" whole.json --no-version >/dev/null
  ok 'Memory is removed' "$weft" dashboard rm "$name" Memory
  refused 1 "$name: there is no panel 'Memory'; name it by its key, its id or its title" \
    "$weft" dashboard rm "$name" Memory
  ok '/panels/2 is there again' "$weft" dashboard restore "$name" /panels/2
  ok 'is removed' "$weft" dashboard rm "$name" /panels/1/targets/A
  ok 'is removed' "$weft" dashboard rm "$name" /panels/2/description
  ok 'is removed' "$weft" dashboard rm "$name" /tags/linux
  ok 'is removed' "$weft" dashboard rm "$name" /title
  for path in /title /tags/linux /panels/2/description /panels/1/targets/A; do
    ok "$path is there again" "$weft" dashboard restore "$name" "$path"
  done
  prints "$(cat whole.json)" "$weft" dashboard export "$name" --no-version
  ok 'title' "$weft" dashboard blame "$name" /panels/1
  ok '"path":"/panels/1/title","dot":' "$weft" dashboard blame "$name" /panels/1 --json
  ok '"message":"shorter","value":"CPU"' "$weft" dashboard blame "$name" /panels/1 --json
  ok 'title: written by replica' "$weft" dashboard why "$name" /panels/CPU/title
  ok '"path":"/panels/1/title","where":' "$weft" dashboard why "$name" /panels/CPU/title --json
  prints 'no conflicts' "$weft" dashboard conflicts "$name"
  prints '' "$weft" dashboard conflicts "$name" --json
  refused 1 'there is no conflict 1234' "$weft" dashboard resolve "$name" 12345678 --side 0

  # Edits in an exported file, while the document goes on.
  ok ', version ' "$weft" dashboard export "$name" out.json
  ok '"title": "All nodes"' cat out.json
  ok "\"document\":\"$("$weft" dashboard show "$name" --json | sed 's/.*"document":"\([0-9a-f]*\)".*/\1/')\"" \
    cat out.json.weft
  sed -i 's/"CPU"/"CPU of all"/; s/"what is used"/"what is in use"/' out.json
  ok 'is set' "$weft" dashboard set "$name" /panels/1/targets/A/expr 'cpu2'
  ok 'is set' "$weft" dashboard set "$name" /panels/2/description 'what is free'
  ok '2 panels changed; ' "$weft" reconcile "$name" out.json --message 'from the file'
  holds 'panel 2 "Memory": description: "what is free" -> "what is in use"'
  holds "out.json: 1 panel changed"
  prints "$(cat out.json)" "$weft" dashboard export "$name"
  prints '"cpu2"' "$weft" dashboard show "$name" /panels/1/targets/A/expr
  prints '"CPU of all"' "$weft" dashboard show "$name" /panels/1/title
  ok '"into_document":{"panels_added":0,"panels_changed":0' "$weft" reconcile "$name" out.json --json
  ok '; nothing written' "$weft" reconcile "$name" out.json --since now
}

# --- a document file ---
ok 'nodes.weft: made, with 4 panels; ' "$weft" dashboard import nodes.weft nodes.json
life nodes.weft
ok 'empty.weft: made, with 0 panels' "$weft" dashboard new empty.weft 'Empty'
refused 1 'empty.weft' "$weft" dashboard new empty.weft 'Empty'
ok '"made":true' "$weft" dashboard new empty.weft 'Empty' --force --json
prints $'{\n  "panels": [],\n  "schemaVersion": 39,\n  "title": "Empty"\n}' \
  "$weft" dashboard export empty.weft --no-version
ok '"title": "wrapped"' bash -c 'echo "{\"dashboard\": {\"title\": \"wrapped\"}, \"meta\": {}}" |
  "$1" dashboard import w.weft - >/dev/null && "$1" dashboard export w.weft' bash "$weft"

# --- a store ---
"$weft" store create s >/dev/null
ok 'no dashboards; `weft dashboard import s FILE` makes one' "$weft" dashboard ls s
ok '"made":true' "$weft" dashboard import s nodes.json --json
life "s:$(id_of)"
id=$(only_id s)
ok "s:$id: 2 panels changed, 1 panel removed, 1 other field changed; " "$weft" dashboard import s nodes.json
"$weft" dashboard new s 'A title that is longer than what fits into a narrow terminal' --uid long >/dev/null
ok 'A title th…' env COLUMNS=70 "$weft" dashboard ls s
checks=$((checks + 1))
[[ $(env COLUMNS=70 "$weft" dashboard ls s | wc -L) -le 70 ]] || fail 'ls fits into 70 columns'
ok 'CONFLICTS  LAST CHANGE' "$weft" dashboard ls s
ok '"panels":4,' "$weft" dashboard ls s --json
"$weft" doc new s: --from-json edited.json >/dev/null
echo '{"a": 1}' | "$weft" doc new s: --from-json - >/dev/null
checks=$((checks + 1))
[[ $("$weft" dashboard ls s --json | wc -l) -eq 2 ]] || fail 'what is no dashboard is not listed'

# --- a running peer ---
start p --create --listen unix:p.sock
ok ': made, with 4 panels; ' "$weft" dashboard import p nodes.json
id=$(only_id p)
life "p:$id"
ok ': made, with 0 panels; ' "$weft" dashboard new p 'Second' --uid second
refused 1 'holds no dashboard' bash -c 'echo "[1]" | "$1" dashboard import p -' bash "$weft"
"$weft" dashboard watch "p:$id" --count 2 >watched.txt 2>watching.txt &
watcher=$!
until_true grep -q "watching p:$id" watching.txt
ok 'is set' "$weft" dashboard set "p:$id" '/panels/CPU of all/title' 'CPU of some'
ok 'is moved' "$weft" dashboard move "p:$id" Reads 12,9
wait "$watcher"
checks=$((checks + 1))
[[ $(cat watched.txt) == *'by '*'  panel 1 "CPU of some": title: "CPU of all" -> "CPU of some"'*'panel 4 "Reads": gridPos'* ]] ||
  fail 'dashboard watch in words' "$(cat watched.txt)"

# --- two peers, apart and together again ---
start q --create --connect unix:p.sock
until_true says 'Second' "$weft" dashboard ls q
until_true says '"title":"CPU of some"' "$weft" dashboard show "q:$id" --json
stop q
ok 'is set' "$weft" dashboard set "p:$id" /panels/1/title 'CPU of p' --message 'by p'
ok 'is set' "$weft" dashboard set "q:$id" /panels/1/title 'CPU of q' --message 'by q'
ok 'is removed' "$weft" dashboard rm "p:$id" Reads
ok 'is set' "$weft" dashboard set "q:$id" /panels/Reads/title 'Bytes read'
ok 'is set' "$weft" dashboard set "p:$id" /panels/2/description 'Memory that is in use'
ok 'is set' "$weft" dashboard set "q:$id" /panels/2/description 'what is in use, in bytes'
ok 'is set' "$weft" dashboard set "p:$id" /time '{"from": "now-6h", "to": "now"}'
ok 'is set' "$weft" dashboard set "q:$id" /panels/- '{"type": "stat", "title": "Uptime"}'
start q --connect unix:p.sock
same_exports() { cmp <("$weft" dashboard export "$1") <("$weft" dashboard export "$2"); }
until_true same_exports "p:$id" "q:$id"
ok 'now-6h' "$weft" dashboard export "q:$id"
ok '"Uptime"' "$weft" dashboard export "p:$id"
conflicts=$("$weft" dashboard conflicts "p:$id" --json)
checks=$((checks + 1))
[[ $(wc -l <<<"$conflicts") -eq 3 && $conflicts == "$("$weft" dashboard conflicts "q:$id" --json | sed 's/resolve q:/resolve p:/')" ]] ||
  fail 'the same three conflicts at both ends' "$conflicts"
ok 'panel 1 "CPU of q": title' "$weft" dashboard conflicts "p:$id"
holds '0 shown  "CPU of q"'
holds '1 lost   "CPU of p"'
holds 'the later write wins'
holds "weft dashboard resolve p:$id "
holds ' "by p"'
holds '0 shown  deleted'
holds '1 hidden "Bytes read" and all it holds'
holds 'a deletion hides what it did not know of'
ok '  3  ' bash -c '"$1" dashboard ls p | grep -- " 3  "' bash "$weft"
ok '3 conflicts; `weft dashboard conflicts' "$weft" dashboard show "p:$id"
which=$(sed -n 's/^{"id":"\([0-9a-f]*\)".*"path":"\/panels\/1\/title".*/\1/p' <<<"$conflicts")
refused 1 'the conflict has no side 7' "$weft" dashboard resolve "p:$id" "$which" --side 7
refused 2 '--strategy' "$weft" dashboard resolve "p:$id" "$which" --strategy mine
refused 2 'ID, a pattern of paths or --all' "$weft" dashboard resolve "p:$id" --side 1
refused 2 '' "$weft" dashboard resolve "p:$id" "$which"
ok '2 conflicts left' "$weft" dashboard resolve "p:$id" "$which" --value '"CPU of both"'
ok '"conflicts":1' "$weft" dashboard resolve "q:$id" '/panels/*/description' --strategy merge --json
ok 'no conflicts are left' "$weft" dashboard resolve "q:$id" --all --strategy merge
until_true says 'no conflicts' "$weft" dashboard conflicts "p:$id"
until_true same_exports "p:$id" "q:$id"
prints '"CPU of both"' "$weft" dashboard show "q:$id" /panels/1/title
prints '"Bytes read"' "$weft" dashboard show "p:$id" /panels/4/title
refused 1 'it may be resolved already' "$weft" dashboard resolve "p:$id" "$which" --side 0
stop q

# --- what people had changed at the same time, over sockets ---
# unpack N LINE: a recorded merge as N.base.json, N.ours.json, N.theirs.json, with a uid of its own.
unpack() {
  printf '%s' "$2" >line.json
  "$weft" doc new line.weft --from-json line.json --force >/dev/null
  for side in base ours theirs; do
    "$weft" doc show line.weft "/$side" | sed "s/^  \"uid\": .*/  \"uid\": \"merge-$1\",/" >"$1.$side.json"
  done
}
if [[ -f $recorded ]]; then
  merges=0
  while IFS= read -r line; do
    unpack $merges "$line"
    "$weft" dashboard import p $merges.base.json --json | sed 's/.*"name":"p:\([0-9a-f]*\)".*/\1/' >$merges.id
    merges=$((merges + 1))
    [[ ${WEFT_SIZE:-ci} == smoke && $merges -eq 2 ]] && break
  done < <(zcat "$recorded")
  start q --connect unix:p.sock
  until_true says 'documents, in step' "$weft" sync status q
  for ((n = 0; n < merges; ++n)); do until_true same_exports "p:$(cat $n.id)" "q:$(cat $n.id)"; done
  stop q
  for ((n = 0; n < merges; ++n)); do
    "$weft" dashboard import "p:$(cat $n.id)" $n.ours.json >/dev/null || fail "merge $n: ours"
    "$weft" dashboard import "q:$(cat $n.id)" $n.theirs.json >/dev/null || fail "merge $n: theirs"
  done
  start q --connect unix:p.sock
  for ((n = 0; n < merges; ++n)); do
    name=$(cat $n.id)
    until_true same_exports "p:$name" "q:$name"
    # In two of them both sides changed the same queries; in all others each side its own fields.
    case $n in 15) expected=5 ;; 16) expected=6 ;; *) expected=0 ;; esac
    checks=$((checks + 1))
    paths=$("$weft" dashboard conflicts "q:$name" --json | sed 's/.*"path":"\([^"]*\)".*/\1/')
    [[ $(grep -c '^/panels/77/targets/[A-F]/expr$' <<<"$paths") -eq $expected &&
      $(grep -c . <<<"$paths") -eq $expected ]] || fail "merge $n: $expected conflicts" "$paths"
    # The merge driver finds the same.
    cp $n.ours.json merged.json
    "$weft" merge-driver $n.base.json merged.json $n.theirs.json board.json >driver.txt
    code=$?
    checks=$((checks + 1))
    [[ $code -eq $((expected > 0)) && $(grep -c '^CONFLICT board.json: ' driver.txt) -eq $expected ]] ||
      fail "merge $n: the driver" "exit code $code" "$(cat driver.txt)"
  done
  checks=$((checks + 1))
  [[ $merges -eq 17 || ${WEFT_SIZE:-ci} == smoke ]] || fail '17 recorded merges' "$merges"
  stop q
else
  skip_missing_data "the recorded merges, there is no $(basename "$recorded")"
fi
stop p

# --- git ---
if command -v git >/dev/null; then
  export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
  export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
  ok 'merge=weft-dashboard' "$weft" merge-driver --install
  refused 1 'is in no git repository' "$weft" merge-driver --install --write
  git init -q -b main repository && cd repository || exit 1
  echo '*.txt' >.git/info/exclude # what these checks write
  ok 'git merges *.json by panels and fields' "$weft" merge-driver --install --write
  ok 'git merges *.json' "$weft" merge-driver --install --write # again: one line stays
  prints '*.json merge=weft-dashboard' cat .gitattributes
  cat >board.json <<'JSON'
{
    "title": "Board",
    "version": 7,
    "panels": [
        {
            "id": 1,
            "title": "CPU",
            "type": "graph"
        },
        {
            "id": 2,
            "title": "RAM",
            "type": "graph"
        }
    ]
}
JSON
  echo '{"a": 1}' >broken.json
  commit() { git add . && git commit -q -m "$1"; }
  commit base
  git checkout -q -b theirs
  sed -i 's/"CPU"/"CPU busy"/; s/"version": 7/"version": 9/' board.json
  commit theirs
  git checkout -q main
  sed -i 's/"type": "graph"/"type": "timeseries"/; s/"version": 7/"version": 8/' board.json
  commit ours
  ok '' git merge -q -m merged theirs
  prints "$(sed 's/"version": 8/"version": 9/; s/"CPU"/"CPU busy"/' <(git show HEAD~1:board.json))" cat board.json
  git checkout -q -b other HEAD~1
  sed -i 's/"RAM"/"Memory of other"/; s/"title": "Board"/"title": "Boards"/' board.json
  commit other
  git checkout -q main
  sed -i 's/"RAM"/"Memory of main"/' board.json
  commit main
  run git merge other
  checks=$((checks + 1))
  [[ $code -eq 1 && $out == *'CONFLICT board.json: panel 2 "Memory of'*'ours:   "Memory of main"'*'theirs: "Memory of other"'* ]] ||
    fail 'a conflict in git' "$code" "$out" "$err"
  prints $'"Boards"\n"Memory of main"' bash -c \
    'grep -o "\"Boards\"" board.json; grep -o "\"Memory of main\"" board.json' bash
  ok 'UU board.json' git status --short
  git checkout -q -f main && git reset -q --hard
  # What is no JSON is merged as lines, with git's marks.
  git checkout -q -b bad
  echo '{"a": 2' >broken.json
  commit bad
  git checkout -q main
  echo '{"a": 3}' >broken.json
  commit good
  run git merge bad
  checks=$((checks + 1))
  [[ $code -eq 1 && $out$err == *'broken.json (theirs):2:1: '*'merged as lines of text instead'* &&
    $(cat broken.json) == *'<<<<<<< ours'* ]] || fail 'no JSON in git' "$code" "$out" "$err" "$(cat broken.json)"
  git reset -q --hard
  cd .. || exit 1
  refused 2 'missing.json' "$weft" merge-driver missing.json nodes.json edited.json
fi
refused 2 '%O %A %B' "$weft" merge-driver nodes.json
cp nodes.json ours.json
: >nothing.json
ok '' "$weft" merge-driver nothing.json ours.json nodes.json # no common ancestor, twice the same
ok '"version":3' bash -c 'tr -d " \n" <ours.json' bash

# --- completion ---
for shell in bash zsh fish; do ok 'dashboard' "$weft" completion "$shell"; done
refused 2 'tcsh' "$weft" completion tcsh
"$weft" completion bash >completion.bash
mkdir bin && ln -s "$weft" bin/weft
# completes LINE: what bash offers behind it.
completes() {
  PATH=$work/bin:$PATH bash -c 'source completion.bash
    COMP_LINE=$1 COMP_POINT=${#1}
    read -ra COMP_WORDS <<<"${1//:/ : }"
    [[ $1 == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _weft
    echo "${COMPREPLY[@]}"' bash "$1"
}
prints 'reconcile' completes 'weft recon'
prints 'restore resolve' completes 'weft dashboard re'
prints '--strategy --side' completes 'weft dashboard resolve s:1 --s'
prints "$id" completes "weft dashboard show p:${id:0:5}"
checks=$((checks + 1))
for shell in zsh fish; do
  if command -v "$shell" >/dev/null; then
    "$weft" completion "$shell" >completion.sh
    "$shell" -n completion.sh || fail "$shell reads its script"
  fi
done

# --- wrong inputs: each is named, and what to do ---
echo '{"title": "x",' >torn.json
refused 1 'torn.json:2:1: is no JSON: ' "$weft" dashboard import nodes.weft torn.json
refused 1 'missing.json: there is no such file' "$weft" dashboard import nodes.weft missing.json
mkdir folder
refused 1 'there is no store in folder; `weft store create folder` makes one' "$weft" dashboard ls folder
refused 1 'folder: is a folder without a store in it; `weft store create folder` makes one' "$weft" dashboard show folder
refused 1 'folder:1234: there is no such file, and no store in folder' "$weft" dashboard show folder:1234
refused 1 's: is a store; name a document in it, as s:ID' "$weft" dashboard show s
refused 1 "s: the store has no document 'ffff'; \`weft store ls s\` lists those it has" "$weft" dashboard show s:ffff
refused 1 's: no peer runs on this store; `weft peer --store s` starts one' "$weft" dashboard watch "s:$(only_id s | head -n 1)"
refused 1 'only a dashboard in a store that a peer keeps can be watched' "$weft" dashboard watch nodes.weft
bash -c 'exec 9>>s/writer.lock; flock 9; exec sleep 60' &
holder=$!
until_true bash -c '! flock -n s/writer.lock true'
refused 1 's is open for writing by process' "$weft" dashboard import s nodes.json
ok '"title":"Nodes"' "$weft" dashboard ls s --json # reading goes on
kill "$holder"
wait "$holder" 2>/dev/null
refused 1 'nodes.weft: /panels/1/nothing: nothing is there; `weft dashboard show nodes.weft` lists the panels' \
  "$weft" dashboard show nodes.weft /panels/1/nothing
refused 1 "nodes.weft: there is no panel '99'" "$weft" dashboard set nodes.weft /panels/99/title x
refused 1 'nodes.weft: /nothing' "$weft" dashboard rm nodes.weft /nothing
refused 1 'nodes.weft: /title: is there; there is nothing to restore' "$weft" dashboard restore nodes.weft /title
refused 1 'nodes.weft, /nothing: ' "$weft" dashboard why nodes.weft /nothing
refused 1 'nodes.weft: the log has only' "$weft" dashboard diff nodes.weft 999
refused 2 "'soon' is no version and no file" "$weft" dashboard diff nodes.weft soon
refused 2 'X,Y,W,H' "$weft" dashboard move nodes.weft 1 0,1,2
refused 2 'out-of-row' "$weft" dashboard move nodes.weft 1
refused 1 '24 columns' "$weft" dashboard move nodes.weft 1 20,0,12,8
refused 1 'nodes.weft: /rows: panels are written one by one' "$weft" dashboard set nodes.weft /rows '[{"panels": [{"id": 1}]}]'
refused 2 'a path begins with a slash' "$weft" dashboard set nodes.weft title x
refused 2 'dance' "$weft" dashboard dance
echo 'no note' >out.json.weft
refused 1 'out.json.weft: is no note of `weft dashboard export`' "$weft" reconcile nodes.weft out.json
"$weft" dashboard export s:"$(only_id s | head -n 1)" out.json --force >/dev/null
refused 1 'not from empty.weft' "$weft" reconcile empty.weft out.json

# --- what an export may replace ---
echo '{"uid":"u","title":"T","panels":[{"id":1,"type":"t","title":"a"}]}' >small.json
ok 'made' "$weft" dashboard import small.weft small.json
refused 1 'is what is read' "$weft" dashboard export small.weft small.weft --force
"$weft" store create kept >/dev/null
ok 'made' "$weft" dashboard import kept small.json
id=$("$weft" store ls kept | cut -c1-32)
refused 1 'holds something else than a dashboard' "$weft" dashboard export "kept:$id" kept/log/data.mdb
refused 1 'is a file of the store in' "$weft" dashboard export "kept:$id" kept/log/data.mdb --force
refused 1 'is a file of the store in' "$weft" store export kept "$id" kept/log/data.mdb --force
ok 'all whole' "$weft" store verify kept
echo precious >notes.txt
refused 1 '--force replaces it' "$weft" dashboard export small.weft notes.txt
prints 'precious' cat notes.txt
ok 'version' "$weft" dashboard export small.weft notes.txt --force
ok 'version' "$weft" dashboard export small.weft notes.txt
ok 'version' "$weft" dashboard export small.weft mine.json
sed -i 's/"title": "T"/"title": "Mine"/' mine.json
ok 'made' "$weft" dashboard import other.weft small.json
refused 1 'was edited since it was exported' "$weft" dashboard export small.weft mine.json
ok '1 other field changed' "$weft" reconcile small.weft mine.json
ok 'version' "$weft" dashboard export small.weft mine.json
sed -i 's/Mine/Yours/' mine.json
ok 'version' "$weft" dashboard export small.weft mine.json --force
sed -i 's/Mine/Yours/' mine.json
ln -s mine.json link.json
refused 1 'was edited since it was exported' "$weft" dashboard export small.weft link.json
sed 's/"uid": "u"/"uid": "w"/' mine.json >third.json
refused 1 'third.json: holds another dashboard' "$weft" dashboard export small.weft third.json
# Numbers beyond int64 and double keep every digit through a file beside the store: those that nobody touched, and those
# that changed in the file. What a double gives back is written as that double.
cat >numbers.json <<'JSON'
{"uid":"n","title":"T","panels":[{"id":1,"type":"t","title":"a","max":18446744073709551615,
 "list":[0.1000000000000000055511151231257827,1e400,-0,1e3],"min":1}]}
JSON
ok 'made' "$weft" store create numbers
ok 'made' "$weft" dashboard import numbers: numbers.json
id=$("$weft" store ls numbers | cut -c1-32)
ok 'version' "$weft" dashboard export "numbers:$id" reconciled.json
sed -i 's/"min": 1/"min": 18446744073709551616/; s/"title": "a"/"title": "there"/' reconciled.json
ok '' "$weft" dashboard set "numbers:$id" /panels/1/decimals -- -0
ok '1 panel changed' "$weft" reconcile "numbers:$id" reconciled.json
for number in '"max": 18446744073709551615' '"min": 18446744073709551616' '"decimals": -0' \
  ' 0.1000000000000000055511151231257827' ' 1e400' ' -0,' ' 1000.0'; do
  ok "$number" cat reconciled.json
  ok "$number" "$weft" dashboard export "numbers:$id" --no-version
done
ok 'nothing written' "$weft" reconcile "numbers:$id" reconciled.json

# The note takes the place of nothing else.
refused 1 'small.weft: is no note' "$weft" dashboard export small.weft small
cp mine.json small
refused 1 'small.weft: is no note' "$weft" reconcile small.weft small --since 1
ok '"title"' "$weft" doc show small.weft
refused 1 'holds something else than a log' "$weft" peer --store other --create --log-file kept/log/data.mdb
refused 1 'odd.json: /panels/0 is no panel' bash -c 'echo "{\"panels\":[1,{\"id\":1}]}" >odd.json && "$1" dashboard import kept odd.json' bash "$weft"
# A row comes back with what went with it.
cat >row.json <<'JSON'
{"uid":"r","title":"T","panels":[{"id":2,"type":"row","title":"R","collapsed":true,
 "gridPos":{"x":0,"y":8,"w":24,"h":1},"panels":[{"id":3,"type":"graph","title":"In"}]}]}
JSON
ok 'made' "$weft" dashboard import row.weft row.json
before=$("$weft" dashboard export row.weft --no-version)
ok 'is removed' "$weft" dashboard rm row.weft /panels/2 --with-panels
ok 'is there again, with 1 panel' "$weft" dashboard restore row.weft /panels/2
prints "$before" "$weft" dashboard export row.weft --no-version
refused 1 'there is no store in nostore' "$weft" dashboard import nostore: small.json

finish
