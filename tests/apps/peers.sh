# What the tests that run real peers share; they source it behind checks.sh.
# shellcheck shell=bash

declare -A pids=()
clean_up() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null; done
  rm -rf "$work"
}
trap clean_up EXIT

# until_true COMMAND...: asks again and again, for half a minute.
until_true() {
  checks=$((checks + 1))
  for _ in $(seq 300); do
    if "$@" >out.txt 2>err.txt; then return; fi
    sleep 0.1
  done
  fail "in the end: $*" "stdout: $(cat out.txt)" "stderr: $(cat err.txt)" "logs: $(tail -n 5 ./*.log)"
}

# start STORE ARGUMENTS...: a peer that runs when this returns; its log is STORE.log.
start() {
  local store=$1
  shift
  "$weft" peer --store "$store" "$@" >"$store.out" 2>>"$store.log" </dev/null &
  pids[$store]=$!
  until_true "$weft" peer status --store "$store"
}

# ended STORE CODE: waits for the peer's end.
ended() {
  checks=$((checks + 1))
  wait "${pids[$1]}"
  local code=$?
  unset "pids[$1]"
  [[ $code -eq $2 ]] || fail "the peer on $1 ends with $2" "exit code: $code" "log: $(tail -n 5 "$1.log")"
}

# stop STORE: ends it cleanly.
stop() {
  ok "$1: the peer has stopped, everything is stored" "$weft" peer stop --store "$1"
  ended "$1" 0
}

# says TEXT COMMAND...: does it print that, now?
says() { [[ $("${@:2}" 2>&1) == *"$1"* ]]; }
