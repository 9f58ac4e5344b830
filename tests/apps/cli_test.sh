#!/usr/bin/env bash
# Runs the command line as a user does: real commands, wrong ones too, and what they print.
#
#   tests/apps/cli_test.sh PATH_OF_WEFT
#
# shellcheck source=tests/apps/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# --- help ---
ok 'weft 0.' "$weft" --version
ok 'weft doc new board.weft' "$weft" help
ok 'A JSON pointer' "$weft" help doc show
ok 'josephg/editing-traces' "$weft" replay --help

# --- a document's life ---
echo '{"title": "CPU", "panels": {"cpu": {"w": 12}}, "tags": ["a", "b"], "ratio": 1.0}' >one.json
echo '{"title": "CPU busy", "panels": {"cpu": {"w": 12}}, "tags": ["a", "x", "b"], "ratio": 1.0}' \
  >two.json
ok 'made, with' "$weft" doc new board.weft --from-json one.json --message 'first version'
prints '{"panels":{"cpu":{"w":12}},"ratio":1.0,"tags":["a","b"],"title":"CPU"}' \
  "$weft" doc show board.weft --json
prints 'CPU' "$weft" doc show board.weft /title
prints '"CPU"' "$weft" doc show board.weft /title --json
prints $'[\n  "a",\n  "b"\n]' "$weft" doc show board.weft /tags
# The new tag is a delta of its own, the same on every device that imports it.
ok 'and beside it 1 operation' "$weft" doc import board.weft two.json --message 'busy'
ok 'nothing written' "$weft" doc import board.weft two.json
prints '{"panels":{"cpu":{"w":12}},"ratio":1.0,"tags":["a","x","b"],"title":"CPU busy"}' \
  "$weft" doc show board.weft --json

ok '"first version"' "$weft" doc log board.weft
ok '"message":"busy"' "$weft" doc log board.weft --json
checks=$((checks + 1))
[[ $("$weft" doc log board.weft --json | wc -l) -eq 3 ]] || fail 'doc log --json: three lines'
prints '{}' "$weft" doc at board.weft 0 --json
prints 'CPU' "$weft" doc at board.weft '#1' /title
prints 'CPU busy' "$weft" doc at board.weft now /title
first=$("$weft" doc log board.weft --json | sed -n '1s/.*"first":"\([0-9a-f]*\):0","ops":\([0-9]*\).*/\1:\2/p')
prints 'CPU' "$weft" doc at board.weft "$first" /title
ok 'set "title" to "CPU busy"' "$weft" doc diff board.weft 1 now
ok 'at 1: inserted "x"' "$weft" doc diff board.weft 1 2
ok '"path":"/tags","kind":"list"' "$weft" doc diff board.weft 1 2 --json
ok 'set "title" to "CPU"' "$weft" doc diff board.weft now 1
prints '' "$weft" doc diff board.weft 3 now
ok '/title: "CPU busy"' "$weft" doc why board.weft /title
ok '"CPU"' "$weft" doc history board.weft /title
ok '"CPU busy"' "$weft" doc history board.weft /title --json
prints 'no conflicts' "$weft" doc conflicts board.weft

# --- numbers, repeated keys, errors ---
echo '{"n": 18446744073709551615, "f": 0.1000000000000000055511151231257827, "e": [1e400]}' >big.json
ok 'made' "$weft" doc new big.weft --from-json big.json
prints '{"e":[1e400],"f":0.1000000000000000055511151231257827,"n":18446744073709551615}' \
  "$weft" doc show big.weft --json
printf '{\n  "a": {"k": 1, "k": 2}\n}\n' >repeated.json
ok 'made' "$weft" doc new repeated.weft --from-json repeated.json
noted 'repeated.json:2:17: /a/k stands there more than once; the last value is taken'
ok '"warnings":["repeated.json:2:17: /a/k' "$weft" doc import big.weft repeated.json --json
refused 1 ', in /a/b/1' bash -c \
  "echo '{\"a\": {\"b\": [1, x]}}' | '$weft' doc import big.weft -"

# --- conflicts ---
refused 1 'there is no conflict' "$weft" doc resolve board.weft /title --side 1
ok 'weft doc resolve' "$weft" help doc conflicts

# --- snapshots ---
prints '' "$weft" doc snapshot board.weft board.snapshot
prints 'CPU busy' "$weft" doc show board.snapshot /title
ok 'one more delta' "$weft" doc import board.snapshot one.json
prints 'CPU' "$weft" doc show board.snapshot /title
prints 'CPU busy' "$weft" doc show board.weft /title

# --- standard input, replacing, links, permissions ---
checks=$((checks + 1))
echo '{"a": "ä\n"}' | "$weft" doc new stdin.weft --from-json - >/dev/null || fail 'doc new from stdin'
prints $'\xc3\xa4' "$weft" doc show stdin.weft /a
ok 'made' "$weft" doc new stdin.weft --from-json one.json --force
chmod 640 stdin.weft
ln -s stdin.weft link.weft
ok 'one more delta' "$weft" doc import link.weft two.json
checks=$((checks + 1))
if [[ ! -L link.weft || $(stat -c %a stdin.weft) != 640 ]]; then
  fail 'doc import through a link' "$(ls -l)"
fi
checks=$((checks + 1))
[[ -z $(find . -name '*.tmp-*') ]] || fail 'no temporary file stays' "$(find . -name '*.tmp-*')"

# --- what a document holds does not reach the terminal's controls ---
printf '{"k": "\\u001b]0;owned\\u0007\\u009b"}' >escape.json
ok 'made' "$weft" doc new escape.weft --from-json escape.json --message $'\e[31mred'
ok '\u001b[31mred' "$weft" doc log escape.weft
checks=$((checks + 1))
if "$weft" doc diff escape.weft 0 1 | LC_ALL=C grep -q $'[\e\a\x9b]'; then
  fail 'doc diff prints no control characters'
fi

# --- imports at the same time: every one of them is kept ---
for i in 1 2 3 4 5 6; do
  "$weft" doc import board.weft two.json >/dev/null &
done
for i in 1 2 3 4 5 6; do
  echo "{\"only\": $i}" | "$weft" doc import board.weft - >/dev/null &
done
wait
checks=$((checks + 1))
[[ $("$weft" doc log board.weft | wc -l) -ge 8 ]] ||
  fail 'imports at the same time' "$("$weft" doc log board.weft)"

# --- wrong inputs ---
refused 1 'missing.weft: there is no such file' "$weft" doc show missing.weft
refused 1 'board.weft: exists already' "$weft" doc new board.weft --from-json one.json
refused 1 'one.json: ' "$weft" doc show one.json
refused 1 'doc new' "$weft" doc log one.json
printf '{"a": 1,\n "b": tru}' >bad.json
refused 1 "bad.json:2:7: is no JSON: expected a value" "$weft" doc import board.weft bad.json
echo '[1]' >array.json
refused 1 'has to be an object' "$weft" doc import board.weft array.json
refused 1 '/nothing/here' "$weft" doc show board.weft /nothing/here
refused 1 'not found' "$weft" doc why board.weft /nothing
refused 1 'there is no version #99' "$weft" doc at board.weft 99
refused 1 'board.weft at 00c0ffee00c0ffee:7' "$weft" doc at board.weft 00c0ffee00c0ffee:7
refused 1 'no directory' "$weft" doc new nowhere/board.weft --from-json one.json
mkdir empty
refused 1 'empty: holds no trace' "$weft" replay empty
refused 2 "a path begins with a slash: /title" "$weft" doc show board.weft title
refused 2 "'yesterday' is no version" "$weft" doc at board.weft yesterday
refused 2 'FILE' "$weft" doc show
refused 2 'weft help' "$weft" doc
refused 2 "there is no command or argument 'shwo' here" "$weft" doc shwo board.weft
refused 2 "'--jsn'" "$weft" doc show board.weft --jsn
refused 2 '--samples' "$weft" replay --generate --samples 0
head -c 100 stdin.weft >cut.weft
refused 1 'cut.weft: ' "$weft" doc show cut.weft
{ head -c 60 stdin.weft && printf 'x' && tail -c +62 stdin.weft; } >flipped.weft
refused 1 'flipped.weft: ' "$weft" doc show flipped.weft
refused 1 'cannot be written' bash -c '"$1" doc show board.weft >/dev/full' bash "$weft"

# --- replay ---
mkdir traces
cat >traces/tiny.json <<'JSON'
{"startContent": "", "endContent": "héllo",
 "txns": [{"patches": [[0, 0, "hallo"]]}, {"patches": [[1, 1, "é"]]}]}
JSON
ok 'ok' "$weft" replay traces/tiny.json --samples 1
ok 'tiny ' "$weft" replay traces --samples 1
sed 's/"héllo"/"hello"/' traces/tiny.json >traces/wrong.json
checks=$((checks + 1))
run "$weft" replay traces/wrong.json traces/tiny.json --samples 1
if [[ $code -ne 1 || $err != *'wrong'* || $out != *' ok'* || $out != *'failed'* ]]; then
  fail 'replay of a wrong and a right trace' "exit code: $code" "stdout: $out" "stderr: $err"
fi

# A document is not replaced by its own state, however it is asked for; a mistyped store is no file.
echo '{"a":1}' | "$weft" doc new own.weft --from-json - >/dev/null
refused 1 'is what is read' "$weft" doc snapshot own.weft own.weft --force
echo '{"a":1}' >self.json
refused 1 'is what is read' "$weft" doc new self.json --from-json self.json --force
echo '{}' >empty.json
refused 1 'there is no store in bords' "$weft" doc new bords: --from-json empty.json
refused 1 'cannot be written' bash -c '"$1" --help >/dev/full' bash "$weft"

finish
