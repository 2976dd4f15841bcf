#!/usr/bin/env bats
# Summary: run-deferred.sh: a wake with nothing due is one process; in any doubt Python looks.
# Usage: bats tests/bats/run-deferred.bats

setup() {
  load common
  bare
}

# A store, and the markers as a wake leaves them that has seen all of it and found nothing due for ten minutes.
at_rest() {
  mkdir -p "$DEFER_RUNTIME_DIR"
  echo '{"id":"a"}' >"$store"
  : >"$marker.heartbeat"
  shift_time "$store" -7200
  touch -r "$store" "$marker.seen2"
  shift_time "$marker.due2" 600
}

# A wake of the clone's stand-in: 0 and silent where it was idle, 7 where Python was started.
wake() { run "$clone/scripts/run-deferred.sh" "$@"; }
idle() { [ "$status" -eq 0 ] && [ -z "$output" ]; }
started() { [ "$status" -eq 7 ] && [[ $output == "wake"* ]]; }

@test "a wake with nothing due is one process, starts no other and leaves its heartbeat" {
  needs strace
  make_clone
  at_rest
  shift_time "$BATS_TEST_TMPDIR/an hour ago" -3600
  run count_processes "$clone/scripts/run-deferred.sh" --once
  [ "$output" = "programs 1, forks 0, status 0" ]
  [ "$marker.heartbeat" -nt "$BATS_TEST_TMPDIR/an hour ago" ]
  [ ! -s "$marker.heartbeat" ]
}

@test "so is one whose store is named by a settings file" {
  needs strace
  make_clone
  at_rest
  mkdir -p "$HOME/.config/defer"
  printf '# ours\nPATH=/bin:/usr/bin\nexport DEFER_RUNTIME_DIR="%s"\n' "$DEFER_RUNTIME_DIR" >"$HOME/.config/defer/env"
  unset DEFER_RUNTIME_DIR
  run count_processes "$clone/scripts/run-deferred.sh"
  [ "$output" = "programs 1, forks 0, status 0" ]
}

@test "so is one of the real core, an hour before its only task" {
  needs strace
  "$scripts/schedule-task.sh" --when 1h --summary later >/dev/null 2>&1
  shift_time "$store" -3600 # else the first wake reads within a tick of the write, and leaves it unmarked
  "$scripts/run-deferred.sh"
  run count_processes "$scripts/run-deferred.sh" --once
  [ "$output" = "programs 1, forks 0, status 0" ]
}

@test "something due starts Python" {
  make_clone
  at_rest
  shift_time "$marker.due2" -1
  wake
  started
}

@test "a store newer or older than when it was read starts Python" {
  make_clone
  at_rest
  shift_time "$store" -3600
  wake
  started
  shift_time "$store" -10800
  wake
  started
}

@test "a missing marker starts Python" {
  make_clone
  for kind in due2 seen2 heartbeat; do
    at_rest
    rm "$marker.$kind"
    wake
    started
  done
}

@test "no store, and none that was there: nothing to do" {
  make_clone
  at_rest
  rm "$store"
  wake
  started
  rm "$marker.seen2"
  wake
  idle
}

@test "any argument but --once starts Python" {
  make_clone
  at_rest
  for argument in --loop --json --help ""; do
    wake "$argument"
    started
  done
  wake --once --json
  started
  wake --once
  idle
}

@test "a heartbeat that is a link or holds something is not emptied" {
  make_clone
  at_rest
  echo precious >"$HOME/precious"
  ln -sf "$HOME/precious" "$marker.heartbeat"
  wake
  started
  rm "$marker.heartbeat"
  echo precious >"$marker.heartbeat"
  wake
  started
  [ "$(cat "$HOME/precious" "$marker.heartbeat")" = "precious
precious" ]
}

@test "a tasks file that is a link starts Python" {
  make_clone
  at_rest
  mv "$store" "$HOME/elsewhere.jsonl"
  ln -s "$HOME/elsewhere.jsonl" "$store"
  wake
  started
}

@test "the environment wins over the settings file, the user's file over the one beside the code" {
  make_clone
  at_rest
  mkdir -p "$HOME/.config/defer"
  echo "DEFER_RUNTIME_DIR=/nowhere" >"$HOME/.config/defer/env"
  wake
  idle
  echo "DEFER_RUNTIME_DIR=/nowhere" >"$clone/.env"
  echo "DEFER_RUNTIME_DIR='$DEFER_RUNTIME_DIR'" >"$HOME/.config/defer/env"
  unset DEFER_RUNTIME_DIR
  wake
  idle
  DEFER_ENV_FILE="$clone/.env" wake
  started
}

@test "DEFER_TASKS_FILE wins over DEFER_RUNTIME_DIR, wherever each is set" {
  make_clone
  at_rest
  DEFER_TASKS_FILE=$store DEFER_RUNTIME_DIR=/nowhere wake
  idle
  echo "DEFER_TASKS_FILE=\"$store\"" >"$clone/.env"
  DEFER_RUNTIME_DIR=/nowhere wake
  idle
}

@test "without settings the store is in the home directory" {
  DEFER_RUNTIME_DIR="$HOME/data/runtime"
  store=$DEFER_RUNTIME_DIR/deferred.jsonl marker=$DEFER_RUNTIME_DIR/.deferred.jsonl
  make_clone
  at_rest
  unset DEFER_RUNTIME_DIR
  wake
  idle
}

# settings LINE: a wake whose store is named by that line alone.
settings() {
  printf '%s\n' "$1" >"$clone/.env"
  (unset DEFER_RUNTIME_DIR && "$clone/scripts/run-deferred.sh")
}

@test "plain settings lines are read without Python" {
  mkdir "$BATS_TEST_TMPDIR/plain"
  DEFER_RUNTIME_DIR=$BATS_TEST_TMPDIR/plain
  store=$DEFER_RUNTIME_DIR/deferred.jsonl marker=$DEFER_RUNTIME_DIR/.deferred.jsonl
  make_clone
  at_rest
  for line in "DEFER_RUNTIME_DIR=$DEFER_RUNTIME_DIR" "export DEFER_RUNTIME_DIR='$DEFER_RUNTIME_DIR'" \
    "DEFER_RUNTIME_DIR=\"$DEFER_RUNTIME_DIR/\"" "DEFER_TASKS_FILE=$store
# DEFER_RUNTIME_DIR=~/no"; do
    run settings "$line"
    idle
  done
  printf 'DEFER_RUNTIME_DIR=%s' "$DEFER_RUNTIME_DIR" >"$clone/.env" # no newline at its end
  unset DEFER_RUNTIME_DIR
  wake
  idle
}

@test "a settings line that is anything but plain starts Python" {
  mkdir "$BATS_TEST_TMPDIR/plain"
  DEFER_RUNTIME_DIR=$BATS_TEST_TMPDIR/plain
  store=$DEFER_RUNTIME_DIR/deferred.jsonl marker=$DEFER_RUNTIME_DIR/.deferred.jsonl
  make_clone
  at_rest
  here=DEFER_RUNTIME_DIR=$DEFER_RUNTIME_DIR
  for line in "$here # a comment" "$here#x" "$here
$here" " $here" "export  $here" "$here"$'\r' "DEFER_RUNTIME_DIR=\"$DEFER_RUNTIME_DIR" \
    "DEFER_RUNTIME_DIR=\$HOME" "DEFER_RUNTIME_DIR=~/data" "DEFER_RUNTIME_DIR=data" "DEFER_RUNTIME_DIR=" \
    "DEFER_RUNTIME_DIR" "DEFER_RUNTIME_DIR = $DEFER_RUNTIME_DIR" "$DEFER_RUNTIME_DIR/../plain" "$here/../plain" \
    "MY_$here" "DEFER_TASKS_FILE=$DEFER_RUNTIME_DIR/"; do
    run settings "$line"
    started || { echo "idle with: $line" && false; }
  done
}

@test "unusual values in the environment start Python" {
  make_clone
  at_rest
  DEFER_RUNTIME_DIR='' wake
  started
  DEFER_TASKS_FILE='' wake
  started
  cd "$BATS_TEST_TMPDIR"
  DEFER_RUNTIME_DIR='run time' wake
  started
  DEFER_ENV_FILE="$HOME" wake
  started
}

@test "a full disk does not break it" {
  needs unshare mount
  unshare -rm true 2>/dev/null || lacking "a mount namespace"
  make_clone
  mkdir -p "$DEFER_RUNTIME_DIR"
  run unshare -rm bash -euc '
    mount -t tmpfs -o size=64k,mode=700 none "$DEFER_RUNTIME_DIR"
    cd "$DEFER_RUNTIME_DIR"
    echo "{}" >deferred.jsonl
    touch -d "2 hours ago" deferred.jsonl .deferred.jsonl.seen2
    touch -r deferred.jsonl .deferred.jsonl.seen2
    touch -d "1 hour ago" .deferred.jsonl.heartbeat
    touch -d "10 minutes" .deferred.jsonl.due2
    dd if=/dev/zero of=filler bs=1k 2>/dev/null || :
    if echo more 2>/dev/null >not-full; then exit 9; fi
    "$1"
    [ -n "$(find .deferred.jsonl.heartbeat -mmin -5)" ]
  ' - "$clone/scripts/run-deferred.sh"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
}

@test "a due task is run, silently, and filed" {
  "$scripts/schedule-task.sh" --when now --summary "say it" --id said --executor /bin/cat >/dev/null 2>&1
  run "$scripts/run-deferred.sh" --once
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  grep -q '"status":"completed"' "$DEFER_RUNTIME_DIR"/archive/deferred_*.jsonl
}

@test "without an environment a wake installs nothing and says so on stderr, for the next schedule and in the log" {
  without_environment
  mkdir -p "$DEFER_RUNTIME_DIR/logs"
  run --separate-stderr "$clone/scripts/run-deferred.sh" --once
  [ "$status" -eq 74 ]
  [ -z "$output" ]
  said="the Python environment is missing or out of date"
  [ "$stderr" = "defer: $said (run: python3 $clone/scripts/bootstrap.py)" ]
  [[ $(cat "$marker.trouble") =~ ^20[0-9-]{8}T[0-9:]{8}Z\ "$said (run: python3 $clone/scripts/bootstrap.py)"$ ]]
  [[ $(cat "$DEFER_RUNTIME_DIR/logs/deferred.log") =~ ^20[0-9-]{8}T[0-9:]{8}Z\ wake_failed\ error=\""$said"\"$ ]]
  [ ! -e "$clone/.venv" ]
}

@test "as root it does not make a file in another user's directory" {
  [ "$EUID" -eq 0 ] || skip "needs root"
  without_environment
  mkdir -p "$DEFER_RUNTIME_DIR/logs"
  chown 1234:1234 "$DEFER_RUNTIME_DIR" "$DEFER_RUNTIME_DIR/logs"
  run --separate-stderr "$clone/scripts/run-deferred.sh" --once
  [ "$status" -eq 74 ]
  [ -n "$stderr" ]
  [ -z "$(find "$DEFER_RUNTIME_DIR" -uid 0)" ]
  : >"$marker.trouble"
  chown 1234:1234 "$marker.trouble"
  run "$clone/scripts/run-deferred.sh" --once
  [ -s "$marker.trouble" ]
  [ -z "$(find "$DEFER_RUNTIME_DIR" -uid 0)" ]
}

@test "an environment for other packages than the lock's is not used by a wake" {
  make_clone
  echo '# changed' >>"$clone/requirements/core.lock"
  run "$clone/scripts/run-deferred.sh" --once
  [ "$status" -eq 74 ]
}

@test "a planted link is not written through" {
  without_environment
  mkdir -p "$DEFER_RUNTIME_DIR/logs"
  echo precious >"$HOME/precious"
  ln -s "$HOME/precious" "$marker.trouble"
  ln -s "$HOME/precious" "$DEFER_RUNTIME_DIR/logs/deferred.log"
  run "$clone/scripts/run-deferred.sh"
  [ "$status" -eq 74 ]
  [ "$(cat "$HOME/precious")" = precious ]
}

@test "without a home directory Python decides" {
  make_clone
  at_rest
  run env -u HOME "$clone/scripts/run-deferred.sh"
  started
}
