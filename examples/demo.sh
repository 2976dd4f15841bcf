#!/bin/bash
# Summary: the whole loop in one minute: schedule, list, wake, look at the result.
# Usage: examples/demo.sh    (or: make demo)
#
# Everything happens in a new directory under TMPDIR, which stays for a look around.
set -euo pipefail

root=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
for name in $(compgen -e); do
  case $name in DEFER_*) unset "$name" ;; esac
done
DEFER_RUNTIME_DIR=$(mktemp -d "${TMPDIR:-/tmp}/defer-demo.XXXXXX")
# No settings file: the user's own may name another executor or store.
export DEFER_RUNTIME_DIR DEFER_ENV_FILE=/dev/null
report=$DEFER_RUNTIME_DIR/report.md

# A terminal gets tables and bold headings, anything else gets plain text and JSON on one line.
bold='' normal='' format=--compact
[ ! -t 1 ] || bold=$'\033[1m' normal=$'\033[0m' format=''

step() { printf '\n%s%s%s\n' "$bold" "$*" "$normal"; }

# Show a command as a user types it in the repository, then run it.
show() {
  printf '$'
  printf ' %q' "$@"
  printf '\n'
  (cd "$root" && "$@") || exit
}

# Files by their path and their content.
look() {
  local path
  for path in "$@"; do
    printf '%s\n' "$path"
    sed 's/^/    /' "$path"
  done
}

step "1. Schedule a report on this repository, due now. (It is right that nothing has woken this store: step 3 will.)"
show ./scripts/schedule-task.sh --when now --id demo-report --intent execute_action \
  --summary "What is open and what changed last" --artifact "$report" \
  --workspace "$root" --executor "$root/examples/repository_report.py" $format

step "2. It waits in the store, $DEFER_RUNTIME_DIR/deferred.jsonl"
show ./scripts/schedule-task.sh list $format

step "3. Wake the runner, as cron does every minute: it hands the task as JSON to its executor, and is silent if all is well"
show ./scripts/run-deferred.sh --once

step "4. What the executor made"
look "$report"

step "5. What it printed"
look "$DEFER_RUNTIME_DIR"/logs/attempts/demo-report/*.log

step "6. The prompt that was written for it; an agent starts from this"
look "$DEFER_RUNTIME_DIR/logs/demo-report.prompt.txt"

step "7. The task, finished and filed"
look "$DEFER_RUNTIME_DIR"/archive/deferred_*.jsonl
show ./scripts/schedule-task.sh show demo-report $format

step "8. The record of the attempt"
look "$DEFER_RUNTIME_DIR"/runs/runs_*.jsonl

step "9. The audit log"
look "$DEFER_RUNTIME_DIR/logs/deferred.log"

step "All of it lies in $DEFER_RUNTIME_DIR. When you have seen enough: rm -r $DEFER_RUNTIME_DIR"
