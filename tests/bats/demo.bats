#!/usr/bin/env bats
# Summary: make demo: every step is shown with what it made.
# Usage: bats tests/bats/demo.bats

setup() {
  load common
  bare
}

@test "make demo schedules, wakes and shows what came of it, and touches nothing else" {
  mkdir "$HOME/tmp"
  TMPDIR="$HOME/tmp" DEFER_EXECUTOR=/bin/false run make -s -C "$ROOT" demo
  [ "$status" -eq 0 ]
  [[ $output == *"open items in $HOME/tmp/defer-demo."*"/report.md"* ]]
  [[ $output == *'"status":"completed"'* ]]
  for made in report.md logs/demo-report.prompt.txt logs/deferred.log archive/deferred_ runs/runs_ logs/attempts/demo-report/; do
    [[ $output == *"$HOME/tmp/defer-demo."??????"/$made"* ]]
  done
  grep -q '^## Last commits$' "$HOME"/tmp/defer-demo.*/report.md
  [ ! -e "$DEFER_RUNTIME_DIR" ]
  [ "$(ls -A "$HOME")" = tmp ]
}
