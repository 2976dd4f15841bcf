#!/bin/bash
# Summary: delete the runtime directory: every task, archive and log in it. `make clean-runtime`, as v1 had it.
# Usage: clean-runtime.sh (with CONFIRM=yes in the environment; CONFIRM=check says what is in the way, and deletes nothing)
#
# It never asks, since nobody may be there to answer. It deletes a directory only if it holds nothing but what Defer
# and v1 make, belongs to the user, is not a link, and no runner is at work in it.
set -euo pipefail

scripts=${BASH_SOURCE[0]%/*}
# shellcheck source=scripts/common.sh
. "$scripts/common.sh"

refuse() {
  tell "nothing is deleted: $1"
  exit "${2:-1}"
}

is_made_here() {
  local six='[A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9]'
  # shellcheck disable=SC2254 # unquoted on purpose: what mktemp gives at random is matched as a pattern
  case $1 in
    deferred.jsonl | deferred.jsonl.rejected | .deferred.jsonl.* | archive | logs | runs | sessions | worktrees) ;;
    notices.jsonl | .notices.jsonl.*) ;;
    deferred.$six | deferred-snapshot.$six | .defer.lock | .deferred-tasks.lock) ;; # v1's
    *) return 1 ;;
  esac
}

[ -z "${DEFER_RESTRICTED-}" ] || refuse "an agent's attempt may not do that (a person can)"
read_settings DEFER_RUNTIME_DIR DEFER_TASKS_FILE || refuse "the settings file needs a closer look (set DEFER_RUNTIME_DIR)" 2
directory=${DEFER_RUNTIME_DIR:-${HOME-}/data/runtime}
while [ "${directory%/}" != "$directory" ]; do directory=${directory%/}; done
case $directory in
  */../* | */..) refuse "$directory is not a plain path (write it without ..)" 2 ;;
  /?*) ;;
  *) refuse "$directory is not a full path (set DEFER_RUNTIME_DIR)" 2 ;;
esac
[ -e "$directory" ] || [ -L "$directory" ] || exit 0
[ ! -L "$directory" ] || refuse "$directory is a link (delete what it leads to by hand)"
[ -d "$directory" ] && [ -O "$directory" ] || refuse "$directory is not a directory of yours"
[ -f "$directory/deferred.jsonl" ] || [ -f "$directory/logs/deferred.log" ] ||
  refuse "$directory does not look like a runtime directory: it holds no deferred.jsonl"
shopt -s dotglob nullglob
for path in "$directory"/*; do
  is_made_here "${path##*/}" || refuse "$path is not Defer's (move it away)"
done
for path in "$directory"/.deferred.jsonl.*.lease; do
  [ -n "${FORCE-}" ] ||
    refuse "a task is being executed in $directory, or its runner was killed (let one wake end, then try again; FORCE=1 does not wait)"
done
for path in "$directory"/worktrees/*/*/; do
  refuse "a task's work may lie in ${path%/} (take over what you want, then: git worktree remove --force ${path%/})"
done
[ "${CONFIRM-}" != check ] || exit 0
[ "${CONFIRM-}" = yes ] || refuse "every task, archive and log in $directory would be (make clean-runtime CONFIRM=yes)" 2
rm -rf -- "$directory"
say "Deleted: $directory"
