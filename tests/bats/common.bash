# shellcheck shell=bash
# Summary: what the entries' tests share: a bare home, the environment, and a clone to look into.
# Usage: setup() { load common; bare; }

ROOT=$(cd -P -- "$BATS_TEST_DIRNAME/../.." && pwd)

# An empty home directory under a name that needs quoting, no setting of the user's, and a store of one's own.
bare() {
  local name
  umask 022
  bats_require_minimum_version 1.5.0
  for name in $(compgen -e); do
    case $name in DEFER_* | XDG_* | *_proxy | *_PROXY) unset "$name" ;; esac
  done
  export HOME="$BATS_TEST_TMPDIR/my home"
  mkdir -p "$HOME"
  export DEFER_RUNTIME_DIR="$BATS_TEST_TMPDIR/run time"
  scripts=$ROOT/scripts
  store=$DEFER_RUNTIME_DIR/deferred.jsonl
  marker=$DEFER_RUNTIME_DIR/.deferred.jsonl
}

# shift_time FILE SECONDS: make FILE if it is missing, and date it that far from now.
shift_time() {
  python3 -c 'import os, sys, time; moment = time.time() + int(sys.argv[2]); open(sys.argv[1], "a").close()
os.utime(sys.argv[1], (moment, moment))' "$@"
}

# lacking WHAT: a person's machine may lack it, and the test is skipped; CI may not.
lacking() {
  [ "${CI-}" != true ] || fail_in_ci "$1"
  skip "needs $1, which is not to be had here"
}

fail_in_ci() {
  echo "CI must have $1 (see .ci/run)" >&2
  return 1
}

# needs PROGRAM…
needs() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || lacking "$program"
  done
}

# Sets clone to a copy of the entries with a stand-in for the core, which tells how it was called.
make_clone() {
  local python
  python=$(python3 "$ROOT/scripts/bootstrap.py" --check)
  clone="$BATS_TEST_TMPDIR/a clone"
  mkdir -p "$clone/scripts/defer/commands" "$clone/.git"
  cp -p "$ROOT"/scripts/*.sh "$ROOT"/scripts/{bootstrap,pipsettings,setupguard,setupplace,setupsteps}.py "$clone/scripts"
  cp -p "$ROOT/scripts/defer/__main__.py" "$clone/scripts/defer"
  cp -pR "$ROOT/pyproject.toml" "$ROOT/requirements" "$clone"
  touch "$clone/scripts/defer/__init__.py" "$clone/scripts/defer/commands/__init__.py"
  cat >"$clone/scripts/defer/commands/cli.py" <<'PYTHON'
import sys


def main(face, arguments, callers_umask):
    print(face, *arguments, sep="|", flush=True)
    return 7
PYTHON
  ln -s "${python%/bin/python}" "$clone/.venv"
}

# As make_clone, in a place where nothing can be installed: pip finds no network, no cache and no settings.
without_environment() {
  make_clone
  rm "$clone/.venv"
  export PIP_NO_INDEX=1 PIP_CONFIG_FILE=/dev/null
  unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL PIP_INDEX_URL
}

# Processes started by a command, the command's own first one included, and its exit status.
count_processes() {
  local trace=$BATS_TEST_TMPDIR/trace status=0
  strace -f -qq -e trace=execve,clone,clone3,fork,vfork -o "$trace" "$@" >"$BATS_TEST_TMPDIR/out" 2>&1 || status=$?
  printf 'programs %s, forks %s, status %s\n' \
    "$(grep -c 'execve(.*= 0$' "$trace")" "$(grep -cE '(clone3?|v?fork)\(' "$trace")" "$status"
}
