#!/bin/bash
# Summary: schedule work for later, and look at, change or cancel what is scheduled.
# Usage: schedule-task.sh [schedule] --when TIME --summary TEXT [OPTION]… | ::defer LINE | COMMAND … (see --help)
set -euo pipefail

self=${BASH_SOURCE[0]}
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=${self%/*}/$link ;; esac
done
scripts=${self%/*}
if [ ! -e "$scripts/where.sh" ]; then # a wheel's programs, which lie apart: <prefix>/bin
  case $scripts in */bin) prefix=${scripts%/bin} ;; *) prefix=$scripts/.. ;; esac
  for scripts in "$prefix"/lib/python*/*-packages/defer/data/scripts; do [ ! -e "$scripts/where.sh" ] || break; done
fi
# shellcheck source=scripts/common.sh
. "$scripts/common.sh"

prepare_python
start_python front "$@"
