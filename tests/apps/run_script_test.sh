#!/usr/bin/env bash
# Runs scripts/run.sh with small traces: two peers get in step and are stopped again; wrong arguments too.
#
#   tests/apps/run_script_test.sh PATH_OF_WEFT
#
# shellcheck source=tests/apps/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
script=$(dirname "$tests")/scripts/run.sh
export WEFT=$weft

mkdir traces
cat >traces/tiny.json <<'JSON'
{"startContent": "", "endContent": "héllo",
 "txns": [{"patches": [[0, 0, "hallo"]]}, {"patches": [[1, 1, "é"]]}]}
JSON
cat >traces/both.json <<'JSON'
{"kind": "concurrent", "endContent": "abcX", "numAgents": 2,
 "txns": [{"parents": [], "agent": 0, "patches": [[0, 0, "abc"]]},
          {"parents": [0], "agent": 1, "patches": [[3, 0, "X"]]}]}
JSON
ok 'both have byte-identical snapshots' bash "$script" --once --into stores traces
checks=$((checks + 1))
[[ $out == *'run: tiny.json: '*': made, with 8 operations in 2 deltas'*'2 documents, '* ]] ||
  fail 'run.sh says what it did' "$out"
checks=$((checks + 1))
[[ $out == *"Ann's title"*"Ben's title"*'resolved; 1 operation'*'no conflicts'*'byte for byte'* ]] ||
  fail 'run.sh goes through a conflict' "$out"
prints "$("$weft" store ls stores/a | cut -c1-32)" bash -c '"$1" store ls stores/b | cut -c1-32' bash "$weft"
ok 'stores/a: the peer has stopped' bash "$script" --once --into stores traces # once more, with what is there
ok '5 documents' bash -c 'echo "$("$1" store ls stores/b | wc -l) documents"' bash "$weft"

# Without --once they stay up until a signal, and leave nothing behind.
setsid bash "$script" traces >shown.txt 2>shown.err &
script_pid=$!
while kill -0 "$script_pid" 2>/dev/null && ! grep -q 'What they log' shown.txt; do sleep 0.1; done
show=$(sed -n 's/^  \(.* dashboard show .*\)$/\1/p' shown.txt | tail -n 1)
ok 'no conflicts' bash -c "$show"
folder=$(dirname "$(sed -n 's/^What they log: \(.*\), .*/\1/p' shown.txt)")
kill -TERM "$script_pid"
wait "$script_pid"
code=$?
checks=$((checks + 1))
[[ $code -eq 0 && ! -e $folder ]] || fail 'run.sh ends cleanly' "exit code: $code" "$(ls "$folder")" "$(cat shown.err)"

refused 2 'usage: ' bash "$script" --twice
refused 2 'usage: ' bash "$script" traces traces
refused 1 "there is no directory 'nowhere'" bash "$script" nowhere
mkdir empty
refused 1 'holds no *.json' bash "$script" empty

finish
