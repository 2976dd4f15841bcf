# shellcheck shell=bash
# Summary: what the entries need before Python runs: which Python there is, and a way to say that there is none.
# Usage: scripts=DIRECTORY-OF-THIS-FILE; . "$scripts/common.sh"

# The plain path, which tells what this is part of: executors and hooks name it from their own folder.
case ${scripts:?} in */../..) ;; */*/..) scripts=${scripts%/*/..} ;; esac
# shellcheck source=scripts/where.sh
. "$scripts/where.sh"
# shellcheck source=scripts/say.sh
. "$scripts/say.sh"
readonly EXIT_IO=74

die() {
  tell "$1"
  exit "$EXIT_IO"
}

# Whether this is package data, with the modules two folders up (setupplace.py).
is_wheel() {
  case $scripts in */defer/data/scripts) [ ! -e "$scripts/defer" ] ;; *) return 1 ;; esac
}

package=$scripts/defer
if is_wheel; then package=${scripts%/data/scripts}; fi

# Whether the environment HOME is ours, as far as this can be told without starting a program. A link may lead to
# anybody's Python, as in the environments that bootstrap.py makes; other users cannot make files that belong to us.
is_ours() {
  [ -O "$1" ] && [ -O "$1/bin" ] && [ -O "$1/pyvenv.cfg" ] && [ -O "$1/defer-core.stamp" ] || return
  [ -O "$1/bin/python" ] || { [ -L "$1/bin/python" ] && [ "$EUID" -ne 0 ]; }
}

# Sets python to the interpreter of the environment HOME if that is ready; otherwise 1, and trouble is the reason if there
# is one to tell. File dates tell at once. If a checkout has changed them, bootstrap.py compares hashes; if the environment
# is not ours, bootstrap.py checks its owner, under another Python, since that one may be anybody's.
is_ready() {
  local stamp=$1/defer-core.stamp
  python=$1/bin/python
  [ -x "$python" ] && [ -e "$stamp" ] || return
  if ! is_ours "$1"; then
    base_python || return
  elif [ "$stamp" -nt "$root/pyproject.toml" ] && [ "$stamp" -nt "$root/requirements/core.lock" ]; then
    return 0
  fi
  if python=$("$python" -I -S "$scripts/bootstrap.py" --check 2>&1); then return 0; fi
  trouble=${python#defer: }
  return 1
}

# Sets python to the interpreter of the environment that belongs to this code; 1 if none is ready, with the reason in REPLY.
# Installs nothing. Only a git clone has it beside the code: a copy may lie within somebody's project (setupplace.py).
find_python() {
  local hash trouble
  if is_wheel; then
    find_wheels_python
    return
  fi
  trouble="the Python environment is missing or out of date (run: python3 $scripts/bootstrap.py)"
  if [ -e "$root/.git" ] && is_ready "$root/.venv"; then return 0; fi
  if base_directory "${XDG_DATA_HOME-}" .local/share && IFS= read -r hash 2>/dev/null <"$root/requirements/locks.hash"; then
    if is_ready "$REPLY/defer/venv-$hash"; then return 0; fi
  fi
  REPLY=$trouble
  return 1
}

# The same for a wheel, which has this file in <prefix>/lib/python3.12/site-packages/defer/data/scripts: the interpreter
# of its virtual environment, else the one of that version. setupplace.py looks for it in the same places.
find_wheels_python() {
  local place=${scripts%/*-packages/defer/data/scripts} prefix version
  prefix=${place%/lib*/python*} version=${place##*/}
  if [ -e "$prefix/pyvenv.cfg" ]; then
    python=$prefix/bin/python
    if [ -x "$python" ]; then return 0; fi
    REPLY="the Python that $prefix was made with is gone (install defer again)"
    return 1
  fi
  if [ "$version" = python ]; then version=python${prefix##*/}; fi # macOS: ~/Library/Python/3.12/lib/python/site-packages
  case $scripts in */dist-packages/*) python=/usr/bin/$version ;; *) python=$prefix/bin/$version ;; esac
  [ -x "$python" ] || base_python "$version" ||
    { REPLY="$version, for which defer was installed, is not on PATH (put it there, or install defer again)" && return 1; }
}

# Sets python to a Python on PATH that runs, under one of the names given, if any; 1 if there is none. Parts of PATH that
# depend on the working directory do not count; nor, where a name is given, do virtual environments.
base_python() {
  local name rest given=${1-}
  [ $# -gt 0 ] || set -- python3 python3.14 python3.13 python3.12 python3.11
  for name; do
    rest=$PATH:
    while [ -n "$rest" ]; do
      python=${rest%%:*}/$name rest=${rest#*:}
      case $python in /*) ;; *) continue ;; esac
      if [ -n "$given" ] && [ -e "${python%/*/*}/pyvenv.cfg" ]; then continue; fi
      [ -x "$python" ] && "$python" -I -c '' >/dev/null 2>&1 && return
    done
  done
  return 1
}

# Sets python too, and makes the environment on the first call after a clone or an upgrade.
prepare_python() {
  find_python && return
  ! is_wheel || die "$REPLY"
  base_python || die "Python 3.11 or newer is needed, and there is no python3 on PATH (install one)"
  python=$("$python" -I "$scripts/bootstrap.py") || exit # it has said why
}

# Gives way to one face of the command line. Neither the user's site-packages nor the working directory count.
start_python() {
  trap '' INT # until its first line of ours, which lets Ctrl-C end it: Python by itself answers with a traceback
  exec "$python" -I -S -X utf8 "$package/__main__.py" "$@"
}

# Whether FILE may be written without Python: a plain file with one name, where not every user may write. As root,
# nothing is made in another user's directory: its owner could not change it. To check this starts a program, which
# does not matter to a wake that gives up anyway.
may_write() {
  [ ! -L "$1" ] || return
  if [ -e "$1" ]; then [ -f "$1" ] || return; elif [ "$EUID" -eq 0 ]; then [ -O "${1%/*}" ] || return; fi
  [ -z "$(find "${1%/*}" "$1" -prune '(' -perm -0002 -o -type f -links +1 ')' 2>/dev/null)" ]
}

# Ends a wake with what find_python said. A wake does not install: nobody is there to see it. `schedule` warns with the
# line left here.
give_up() {
  local trouble=$REPLY now marker log
  umask 077
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  if tasks_file; then
    marker=${REPLY%/*}/.${REPLY##*/}.trouble
    { may_write "$marker" && printf '%s %s\n' "$now" "$trouble" >"$marker"; } 2>/dev/null || :
    if read_settings DEFER_LOG_FILE DEFER_LOG_DIR; then
      log=${DEFER_LOG_FILE-${DEFER_LOG_DIR-${DEFER_RUNTIME_DIR-$HOME/data/runtime}/logs}/deferred.log}
      { may_write "$log" && printf '%s wake_failed error="%s"\n' "$now" "${trouble% (*}" >>"$log"; } 2>/dev/null || :
    fi
  fi
  die "$trouble"
}
