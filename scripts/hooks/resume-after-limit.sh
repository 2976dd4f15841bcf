#!/bin/bash
# Summary: defer "go on" to the end of the usage limit that has ended a turn of a coding agent: a hook, if you want it.
# Usage: resume-after-limit.sh claude <INPUT-OF-THE-HOOK (docs/agents.md says where it is put in place)
#
# Prints nothing and exits 0 whatever happens, with one line on stderr at most: an agent waits for its hooks.
set -euo pipefail

# What runs as a task waits for the end of a limit by itself.
if [ -n "${DEFER_RUN_ID-}${DEFER_TASK_ID-}" ]; then exit 0; fi

self=${BASH_SOURCE[0]}
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=${self%/*}/$link ;; esac
done
scripts=${self%/*}/..
# shellcheck source=scripts/common.sh
. "$scripts/common.sh"

if ! find_python; then
  tell "the conversation was not deferred: $REPLY"
  exit 0
fi
"$python" -I -S -X utf8 "$package/__main__.py" resume "$@" >/dev/null || :
