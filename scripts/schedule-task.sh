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
case $self in
  *.sh) ;;
  *) # a program of a wheel, <prefix>/bin/defer: the rest lies apart, that of the newest Python last
    case $scripts in */bin) prefix=${scripts%/bin} ;; *) prefix=$scripts/.. ;; esac
    for scripts in "$prefix"/lib/python*/*-packages/defer/data/scripts; do :; done
    [ -e "$scripts/where.sh" ] || { echo "defer: the package that this program is part of is gone (install defer again)" >&2 && exit 74; }
    ;;
esac
# shellcheck source=scripts/common.sh
. "$scripts/common.sh"

prepare_python
start_python front "$@"
