#!/usr/bin/env bats
# Summary: schedule-task.sh: found and started from anywhere, and what it sets up by itself.
# Usage: bats tests/bats/schedule-task.bats

setup() {
  load common
  bare
}

@test "schedules, lists and cancels" {
  run --separate-stderr "$scripts/schedule-task.sh" --when 30m --summary "read the draft" --id draft --compact
  [ "$status" -eq 0 ]
  [[ $output == *'"id":"draft"'*'"status":"scheduled"'* ]]
  run --separate-stderr "$scripts/schedule-task.sh" list --compact
  [[ $output == '[{"id":"draft"'* ]]
  run --separate-stderr "$scripts/schedule-task.sh" cancel --id draft --compact
  [ "$status" -eq 0 ]
  run --separate-stderr "$scripts/schedule-task.sh" list --compact
  [ "$output" = '[]' ]
}

@test "the store and its directory are private whatever the umask" {
  umask 000
  "$scripts/schedule-task.sh" --when 30m --summary s >/dev/null 2>&1
  [ -z "$(find "$DEFER_RUNTIME_DIR" -perm /077)" ]
}

@test "bad input is one line on stderr and exit 2" {
  run --separate-stderr "$scripts/schedule-task.sh" --when 30m --sumary s
  [ "$status" -eq 2 ]
  [ -z "$output" ]
  [ "${#stderr_lines[@]}" -eq 1 ]
  [[ $stderr == "defer: "*"--summary"* ]]
}

@test "arguments arrive as they were given, and the exit code comes back" {
  make_clone
  run "$clone/scripts/schedule-task.sh" --summary 'a  "b" $(c) *' '' "d
e"
  [ "$status" -eq 7 ]
  [ "$output" = 'front|--summary|a  "b" $(c) *||d
e' ]
}

@test "starts through links to it, absolute and relative, one after another" {
  make_clone
  mkdir "$HOME/bin" "$HOME/deep"
  ln -s "$clone/scripts/schedule-task.sh" "$HOME/bin/defer"
  ln -s ../bin/defer "$HOME/deep/again"
  run "$HOME/deep/again" list
  [ "$output" = "front|list" ]
  PATH=$HOME/deep:$PATH run again list
  [ "$output" = "front|list" ]
  cd "$HOME/deep"
  run bash again list
  [ "$output" = "front|list" ]
}

@test "starts through a link to the whole clone, as skills are installed" {
  make_clone
  ln -s "$clone" "$HOME/skill"
  run "$HOME/skill/scripts/schedule-task.sh" list
  [ "$output" = "front|list" ]
}

@test "starts from a directory that is gone" {
  make_clone
  mkdir "$HOME/gone"
  cd "$HOME/gone"
  rmdir "$HOME/gone"
  run "$clone/scripts/schedule-task.sh" list
  [[ $output == *"front|list" ]]
}

@test "no module beside the user, in PYTHONPATH or in PYTHONHOME comes in front" {
  make_clone
  mkdir "$HOME/evil"
  for module in os json re argparse defer cli; do echo 'raise SystemExit("evil")' >"$HOME/evil/$module.py"; done
  cd "$HOME/evil"
  PYTHONPATH=$HOME/evil PYTHONHOME=$HOME/evil PYTHONSTARTUP=$HOME/evil/os.py run "$clone/scripts/schedule-task.sh" list
  [ "$output" = "front|list" ]
}

@test "no variable of ours and no flag of the interpreter's reaches a child" {
  make_clone
  cat >"$clone/scripts/defer/commands/cli.py" <<'PYTHON'
import os, subprocess, sys


def main(face, arguments, callers_umask):
    names = sorted(name for name in os.environ if name.startswith(("PYTHON", "DEFER_")))
    print(*names, flush=True)
    return subprocess.call([sys.executable, "-c", "import sys; print(sys.flags.isolated, sys.flags.no_site)"])
PYTHON
  run env -u PYTHONDONTWRITEBYTECODE -u PYTHONUNBUFFERED "$clone/scripts/schedule-task.sh"
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = DEFER_RUNTIME_DIR ]
  [ "${lines[1]}" = "0 0" ]
}

@test "a call costs two programs: the shell and Python" {
  needs strace
  make_clone
  run count_processes "$clone/scripts/schedule-task.sh" list
  [ "$output" = "programs 2, forks 0, status 7" ]
}

@test "where no environment can be made it says what failed and how to try again" {
  without_environment
  run --separate-stderr "$clone/scripts/schedule-task.sh" list
  [ "$status" -eq 74 ]
  [ "${#stderr_lines[@]}" -eq 2 ]
  [[ ${stderr_lines[0]} == "defer: setting up the Python environment in $clone/.venv "* ]]
  [[ ${stderr_lines[1]} == "defer: could not install what requirements/core.lock names: "*"python3 $clone/scripts/bootstrap.py)" ]]
}

@test "without any Python it says which one is needed" {
  without_environment
  mkdir "$HOME/none"
  run --separate-stderr env "PATH=$HOME/none" "$clone/scripts/schedule-task.sh" list
  [ "$status" -eq 74 ]
  [ "$stderr" = "defer: Python 3.11 or newer is needed, and there is no python3 on PATH (install one)" ]
}

@test "a version manager's empty name for a Python is passed over" {
  make_clone
  mkdir "$HOME/shims"
  printf '#!/bin/sh\nexit 127\n' >"$HOME/shims/python3"
  printf '#!/bin/sh\n[ "$1" = -c ] || echo "%s"\n' "$clone/.venv/bin/python" >"$HOME/shims/python3.12"
  chmod +x "$HOME"/shims/*
  echo '# changed' >>"$clone/requirements/core.lock"
  PATH=$HOME/shims run "$clone/scripts/schedule-task.sh" list
  [ "$output" = "front|list" ]
}
