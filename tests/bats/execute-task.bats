#!/usr/bin/env bats
# Summary: execute-task.sh: one attempt of the task on standard input.
# Usage: bats tests/bats/execute-task.bats

setup() {
  load common
  bare
}

@test "gives standard input and its arguments to the face called attempt" {
  make_clone
  cat >"$clone/scripts/defer/commands/cli.py" <<'PYTHON'
import sys


def main(face, arguments, callers_umask):
    print(face, *arguments, sys.stdin.read(), sep="|", flush=True)
    return 0
PYTHON
  run "$clone/scripts/execute-task.sh" --flag <<<'{"id":"a"}'
  [ "$status" -eq 0 ]
  [ "$output" = 'attempt|--flag|{"id":"a"}' ]
}

@test "what is not a task is one line and exit 2" {
  run --separate-stderr "$scripts/execute-task.sh" <<<'no JSON'
  [ "$status" -eq 2 ]
  [ "${#stderr_lines[@]}" -eq 1 ]
  [[ $stderr == "defer: "* ]]
}

@test "--help says how it is used" {
  run "$scripts/execute-task.sh" --help
  [ "$status" -eq 0 ]
  [[ $output == "usage: "* ]]
}
