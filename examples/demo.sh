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

bold='' normal=''
[ ! -t 1 ] || bold=$'\033[1m' normal=$'\033[0m'

step() { printf '\n%s%s%s\n' "$bold" "$*" "$normal"; }

# Show a command as a user types it who has installed it, then run it.
show() {
  local word
  printf '$'
  for word in "$@"; do
    case $word in *[!A-Za-z0-9_./:=@%+,-]*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
  done
  printf '\n'
  (cd "$root" && "$@") || exit
}

# What `make install` puts on the PATH. The tables are those that a terminal gets; a program gets JSON.
defer() { ./scripts/schedule-task.sh "$@" --table; }
run-deferred.sh() { ./scripts/run-deferred.sh; }

# The first call of a command sets up what a new clone lacks; a wake never does.
"$root/scripts/schedule-task.sh" --version >/dev/null
# The wakes of cron begin before there is anything to do.
(cd "$root" && run-deferred.sh)

step "1. Three things to do later"
show defer 2h resume the review --id review
show defer now --id free-space --command "df -h ." how much room is left
show defer now what is open in this repository --id open-items \
  --workspace "$root" --artifact "$report" --executor "$root/examples/repository_report.py"

step "2. They wait in a file, one line each"
show defer list

step "3. Wake the runner, as cron does every minute. It is silent if all is well"
show run-deferred.sh

step "4. What ran, and what it said"
show defer history
show defer log free-space
show defer log open-items
printf '\n%s\n' "$report"
sed 's/^/    /' "$report"

step "5. What is new to you, and all that is known of one of them"
show defer inbox
show defer show open-items

step "6. Change your mind"
show defer snooze review 1h
show defer cancel review
show defer uncancel review

step "All of it lies in $DEFER_RUNTIME_DIR. When you have seen enough: rm -r $DEFER_RUNTIME_DIR"
