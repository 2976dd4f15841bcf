#!/bin/bash
# Summary: one wake: run what is due. This is what cron calls, every minute.
# Usage: run-deferred.sh [--once | --loop [SECONDS]] [--json]
#
# With nothing due it ends without starting any other program. The modification times of three empty files beside
# the tasks file say when the next task is due, when a wake last looked, and when the store was last read
# (scripts/defer/store/markers.py has the protocol). In any doubt it starts Python.
set -euo pipefail

self=${BASH_SOURCE[0]}
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=${self%/*}/$link ;; esac
done
scripts=${self%/*}
case $self in
  *.sh) ;;
  *) # a program of a wheel, <prefix>/bin/defer: the rest lies apart, that of the newest Python last
    case $scripts in */bin) prefix=${scripts%/bin} ;; *) prefix=$scripts/.. ;; esac
    for scripts in "$prefix"/lib/python*/*-packages/defer/data/scripts; do :; done
    [ -e "$scripts/where.sh" ] || { echo "defer: the package that this program is part of is gone (install defer again)" >&2 && exit 74; }
    ;;
esac
# shellcheck source=scripts/where.sh
. "$scripts/where.sh"

idle() {
  local tasks marker
  [ $# -eq 0 ] || [ "$*" = --once ] || return
  tasks_file && [ ! -L "$REPLY" ] || return
  tasks=$REPLY marker=${REPLY%/*}/.${REPLY##*/}
  # Only an empty file of ours may be emptied. Emptying changes the time and needs no space. The file exists, so the
  # umask does not matter: it stays the caller's, which executors get and a shell cannot ask for without a fork.
  [ -f "$marker.heartbeat" ] && [ ! -L "$marker.heartbeat" ] && [ ! -s "$marker.heartbeat" ] || return
  { : >"$marker.heartbeat"; } 2>/dev/null || return
  if [ ! -e "$tasks" ]; then
    [ ! -e "$marker.seen2" ] && { [ ! -e "$marker.due2" ] || [ "$marker.due2" -nt "$marker.heartbeat" ]; }
    return
  fi
  [ -e "$marker.due2" ] && [ "$marker.due2" -nt "$marker.heartbeat" ] &&
    [ -e "$marker.seen2" ] && [ ! "$marker.seen2" -nt "$tasks" ] && [ ! "$tasks" -nt "$marker.seen2" ]
}

# A wake that has nothing to do does not even read the lines below.
if idle "$@"; then exit 0; fi

# shellcheck source=scripts/common.sh
. "$scripts/common.sh"

case " $* " in *" --help "* | *" -h "*) prepare_python ;; *) find_python || give_up ;; esac
start_python wake "$@"
