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
  for said in "resume the review" "as review." "open-items: is done, " "review: cancelled" "review: runs "; do
    [[ $output == *"$said"* ]]
  done
  [[ $output != *'{"'* ]]
  [[ $output == *"$HOME/tmp/defer-demo."??????"/logs/open-items.prompt.txt"* ]]
  for made in deferred.jsonl logs/deferred.log archive/deferred_*.jsonl runs/runs_*.jsonl logs/attempts/open-items/*.log; do
    compgen -G "$HOME/tmp/defer-demo.*/$made" >"$HOME/tmp/made"
  done
  rm "$HOME/tmp/made"
  grep -q '^## Last commits$' "$HOME"/tmp/defer-demo.*/report.md
  [ ! -e "$DEFER_RUNTIME_DIR" ]
  [ "$(ls -A "$HOME")" = tmp ]
}

@test "in a new clone it begins with setting up what that lacks" {
  without_environment
  cp -R "$ROOT/examples" "$clone"
  TMPDIR="$HOME" run --separate-stderr "$clone/examples/demo.sh"
  [ "$status" -eq 74 ]
  [[ ${stderr_lines[0]} == "defer: setting up the Python environment in $clone/.venv "* ]]
}
