# shellcheck shell=bash
# Summary: what the entries need before Python runs: which Python there is, and a way to say that there is none.
# Usage: scripts=DIRECTORY-OF-THIS-FILE; . "$scripts/common.sh"

# shellcheck source=scripts/where.sh
. "${scripts:?}/where.sh"
# shellcheck source=scripts/say.sh
. "$scripts/say.sh"
readonly EXIT_IO=74

die() {
  tell "$1"
  exit "$EXIT_IO"
}

# Whether the environment HOME is ours, as far as this can be told without starting a program. A link may lead to
# anybody's Python, as in the environments that bootstrap.py makes; other users cannot make files that belong to us.
is_ours() {
  [ -O "$1" ] && [ -O "$1/bin" ] && [ -O "$1/pyvenv.cfg" ] && [ -O "$1/defer-core.stamp" ] || return
  [ -O "$1/bin/python" ] || { [ -L "$1/bin/python" ] && [ "$EUID" -ne 0 ]; }
}

# Sets python to the interpreter of an environment that is ready; 1 if there is none, with the reason in REPLY.
# File dates tell at once. If a checkout has changed them, bootstrap.py compares hashes; if the environment is not
# ours, bootstrap.py checks its owner, under another Python, since that one may be anybody's. Installs nothing.
find_python() {
  local home stamp trouble
  trouble="the Python environment is missing or out of date (run: python3 $scripts/bootstrap.py)"
  base_directory "${XDG_DATA_HOME-}" .local/share || REPLY=$root
  for home in "$root/.venv" "$REPLY/defer/venv"; do
    python=$home/bin/python
    stamp=$home/defer-core.stamp
    [ -x "$python" ] && [ -e "$stamp" ] || continue
    if ! is_ours "$home"; then
      base_python || break
    elif [ "$stamp" -nt "$root/pyproject.toml" ] && [ "$stamp" -nt "$root/requirements/core.lock" ]; then
      return 0
    fi
    if python=$("$python" -I -S "$scripts/bootstrap.py" --check 2>&1); then return 0; fi
    trouble=${python#defer: }
  done
  REPLY=$trouble
  return 1
}

# Sets python to a Python on PATH that runs; 1 if there is none. Parts of PATH that depend on the working directory
# do not count.
base_python() {
  local name rest
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    rest=$PATH:
    while [ -n "$rest" ]; do
      python=${rest%%:*}/$name rest=${rest#*:}
      case $python in /*) ;; *) continue ;; esac
      [ -x "$python" ] && "$python" -I -c '' >/dev/null 2>&1 && return
    done
  done
  return 1
}

# Sets python too, and makes the environment on the first call after a clone or an upgrade.
prepare_python() {
  find_python && return
  base_python || die "Python 3.11 or newer is needed, and there is no python3 on PATH (install one)"
  python=$("$python" -I "$scripts/bootstrap.py") || exit # it has said why
}

# Gives way to one face of the command line. Neither the user's site-packages nor the working directory count.
start_python() {
  trap '' INT # until its first line of ours, which lets Ctrl-C end it: Python by itself answers with a traceback
  exec "$python" -I -S -X utf8 "$scripts/defer/__main__.py" "$@"
}

# Whether FILE may be written without Python: a plain file with one name, where not every user may write. As root,
# nothing is made in another user's directory: its owner could not change it. To check this starts a program, which
# does not matter to a wake that gives up anyway.
may_write() {
  [ ! -L "$1" ] || return
  if [ -e "$1" ]; then [ -f "$1" ] || return; elif [ "$EUID" -eq 0 ]; then [ -O "${1%/*}" ] || return; fi
  [ -z "$(find "${1%/*}" "$1" -prune '(' -perm -0002 -o -type f -links +1 ')' 2>/dev/null)" ]
}
