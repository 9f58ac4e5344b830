# Sourced by run.sh: two people edit one dashboard while their peers can't reach each other. Uses its $weft, $a, $b,
# $folder, $address, start() and wait_until().

step=0
# say TEXT...: the next step.
say() {
  step=$((step + 1))
  printf '\n%d. %s\n' "$step" "$*"
}
# run_shown COMMAND...: shows a command and does it.
run_shown() {
  local word line='   $'
  for word in "$@"; do
    [[ $word == "$weft" ]] && word=weft
    case $word in *[\ \"\*]*) word="'$word'" ;; esac
    line+=" $word"
  done
  echo "$line"
  "$@" | sed 's/^/   /'
  return "${PIPESTATUS[0]}"
}
same_export() {
  "$weft" dashboard export "$a:$board" "$folder/a.json" >/dev/null 2>&1 &&
    "$weft" dashboard export "$b:$board" "$folder/b.json" >/dev/null 2>&1 &&
    cmp -s "$folder/a.json" "$folder/b.json"
}
in_step_with_conflicts() {
  same_export && [[ $("$weft" dashboard conflicts "$b:$board" --json) == "$1" ]]
}

# dashboard_story FILE: leaves the dashboard's id in $board.
dashboard_story() {
  local file=$1 panels one two conflict
  say "Import a Grafana dashboard, $(basename "$file"), at Ann's peer (store a). Ben's (store b) follows."
  board=$("$weft" dashboard import "$a:" "$file" --json | sed -n 's/.*"document":"\([0-9a-f]\{8\}\).*/\1/p')
  wait_until "Ben has the dashboard" same_export
  run_shown "$weft" dashboard ls "$b"

  # Two panels that are no rows.
  mapfile -t panels < <("$weft" dashboard show "$a:$board" --json |
    grep -o '"id":[0-9]*,"type":"[a-z]*"' | grep -v '"row"\|"text"' | sed 's/"id":\([0-9]*\),.*/\1/')
  one=${panels[0]}
  two=${panels[1]}

  say "Ben's peer goes away: from here on neither sees what the other does."
  run_shown "$weft" peer stop --store "$b"

  say "Ann renames a panel and moves another one."
  run_shown "$weft" dashboard set "$a:$board" "/panels/$one/title" "Ann's title"
  run_shown "$weft" dashboard move "$a:$board" "$two" 12,4,12,6

  say "Ben, offline, renames the same panel, and describes the one that Ann moved."
  run_shown "$weft" dashboard set "$b:$board" "/panels/$one/title" "Ben's title"
  run_shown "$weft" dashboard set "$b:$board" "/panels/$two/description" "Ben wrote this while away."

  say "Ben's peer comes back. What each of them did alone is there; the title, which both wrote, is a conflict:" \
    "the later one is shown, the other is kept, and both see the same list."
  start b --connect "$address"
  wait_until "both have the same dashboard" same_export
  run_shown "$weft" dashboard show "$b:$board" "/panels/$two/gridPos"
  run_shown "$weft" dashboard show "$a:$board" "/panels/$two/description"
  run_shown "$weft" dashboard conflicts "$a:$board"

  conflict=$("$weft" dashboard conflicts "$a:$board" --json | grep -o '"id":"[0-9a-f]*"' | head -n 1 | cut -d'"' -f4)
  say "Ann settles it in favour of the title that lost. That is one more write, for everybody."
  run_shown "$weft" dashboard resolve "$a:$board" "$conflict" --side 1
  wait_until "Ben sees it, too" in_step_with_conflicts "$("$weft" dashboard conflicts "$a:$board" --json)"
  run_shown "$weft" dashboard show "$b:$board" "/panels/$one/title"
  run_shown "$weft" dashboard conflicts "$b:$board"
  echo "   Both exports are the same, byte for byte: $(stat -c %s "$folder/a.json") bytes."
  rm -f "$folder"/[ab].json
}
