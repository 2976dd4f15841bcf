#!/bin/bash
# Summary: show the unread inbox to an agent whose session begins, a session hook.
# Usage: session-start.sh AGENT <INPUT-OF-THE-HOOK (claude, codex, gemini, copilot …; docs/agents.md has each)
#
# Only the first word counts: hooks/hooks.json, which several programs read, has one word for each of them.
# Exits 0 whatever happens, with one line on stderr at most: an agent waits for its hooks. The conversation is noted for
# agents that do not tell their commands its id. For the others no program is started where nothing is unread.
set -euo pipefail

self=${BASH_SOURCE[0]}
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=${self%/*}/$link ;; esac
done
scripts=${self%/*}/..
# shellcheck source=scripts/common.sh
. "$scripts/common.sh"

# Whether there is nothing to show, as far as file times tell (scripts/defer/notices/allread.py); 1 in any doubt.
all_is_read() {
  local notices marker
  read_settings DEFER_RUNTIME_DIR || return
  case ${HOME-} in /*) ;; *) return 1 ;; esac
  notices=${DEFER_RUNTIME_DIR-$HOME/data/runtime}/notices.jsonl
  case $notices in /notices.jsonl) return 1 ;; /*) ;; *) return 1 ;; esac
  [ -e "$notices" ] || [ -L "$notices" ] || return 0
  marker=${notices%/*}/.notices.jsonl.read
  [ -e "$marker" ] && [ ! "$marker" -nt "$notices" ] && [ ! "$notices" -nt "$marker" ]
}

case ${1-} in
  claude | codex | copilot)
    if [ -n "${DEFER_RUN_ID-}${DEFER_TASK_ID-}" ] || all_is_read; then exit 0; fi
    ;;
esac
if ! find_python; then
  tell "the inbox is not shown: $REPLY"
  exit 0
fi
"$python" -I -S -X utf8 "$package/__main__.py" start "${1-}" || :
