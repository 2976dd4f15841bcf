#!/bin/bash
# Summary: file the tasks that have ended under their month.
# Usage: archive-deferred.sh [OPTION]…
set -euo pipefail

self=${BASH_SOURCE[0]}
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=${self%/*}/$link ;; esac
done
scripts=${self%/*}
# shellcheck source=scripts/common.sh
. "$scripts/common.sh"

prepare_python
start_python archive "$@"
