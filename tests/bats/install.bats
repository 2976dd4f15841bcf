#!/usr/bin/env bats
# Summary: make install and uninstall: links in, exactly those out again.
# Usage: bats tests/bats/install.bats

setup() {
  load common
  bare
}

target() { make -s -C "$ROOT" "$@" 2>&1; }
everything() { (cd "$HOME" && find . | sort); }

@test "links the command and the skills of the agents that are there" {
  mkdir "$HOME/.claude" "$HOME/.codex"
  run target install
  [ "$status" -eq 0 ]
  [ "$(readlink "$HOME/.local/bin/defer")" = "$ROOT/scripts/schedule-task.sh" ]
  for agent in .claude .codex; do
    [ "$(readlink "$HOME/$agent/skills/defer")" = "$ROOT" ]
    [ "$(readlink "$HOME/$agent/skills/reorient")" = "$ROOT/reorient" ]
    [ -f "$HOME/$agent/skills/defer/SKILL.md" ]
    [ -f "$HOME/$agent/skills/reorient/SKILL.md" ]
  done
  [ ! -e "$HOME/.agents" ]
  "$HOME/.local/bin/defer" list --compact
}

@test "says that the command is not on PATH, and how cron is told" {
  run target install
  [[ $output == *"$HOME/.local/bin is not on your PATH"* ]]
  [ "${lines[${#lines[@]} - 1]}" = "Now let cron wake it every minute: $HOME/.local/bin/defer cron install" ]
  PATH=$HOME/.local/bin:$PATH run target install
  [[ $output != *"not on your PATH"* ]]
  [ "${lines[${#lines[@]} - 1]}" = "Now let cron wake it every minute: defer cron install" ]
}

@test "AGENT chooses" {
  mkdir "$HOME/.claude"
  run target install AGENT=none
  [ ! -e "$HOME/.claude/skills" ]
  run target install AGENT=agents
  [ -L "$HOME/.agents/skills/defer" ]
  [ ! -e "$HOME/.claude/skills" ]
  run target install AGENT=all
  [ -L "$HOME/.claude/skills/defer" ]
  [ -L "$HOME/.codex/skills/reorient" ]
  run target install AGENT=emacs
  [ "$status" -ne 0 ]
  [[ $output == *"no such choice: emacs"* ]]
}

@test "a second time changes nothing, and uninstall leaves what was there before" {
  mkdir -p "$HOME/.claude/skills" "$HOME/.codex"
  touch "$HOME/.claude/skills/another"
  before=$(everything)
  target install AGENT=all
  once=$(everything)
  run target install AGENT=all
  [ "$status" -eq 0 ]
  [[ $output != *"linked:"* ]]
  [ "$(everything)" = "$once" ]
  run target uninstall
  [ "$status" -eq 0 ]
  [ "$(everything)" = "$before" ]
  run target uninstall
  [ "$status" -eq 0 ]
}

@test "what is not ours is left as it is, said, and an error" {
  mkdir -p "$HOME/.local/bin" "$HOME/.claude/skills/reorient"
  echo mine >"$HOME/.local/bin/defer"
  run target install
  [ "$status" -ne 0 ]
  [[ $output == *"$HOME/.local/bin/defer is taken by something else"* ]]
  [[ $output == *"$HOME/.claude/skills/reorient is taken by something else"* ]]
  [ -L "$HOME/.claude/skills/defer" ]
  target uninstall
  [ "$(cat "$HOME/.local/bin/defer")" = mine ]
  [ -d "$HOME/.claude/skills/reorient" ]
  [ ! -e "$HOME/.claude/skills/defer" ]
}

@test "a link that was turned to something else since is left, and taken away once it is ours again" {
  mkdir "$HOME/.claude"
  target install
  ln -sfn /tmp "$HOME/.claude/skills/defer"
  run target uninstall
  [ "$status" -ne 0 ]
  [[ $output == *"$HOME/.claude/skills/defer no longer points here"* ]]
  [ "$(readlink "$HOME/.claude/skills/defer")" = /tmp ]
  [ ! -e "$HOME/.local/bin/defer" ]
  ln -sfn "$ROOT" "$HOME/.claude/skills/defer"
  run target uninstall
  [ "$status" -eq 0 ]
  [ ! -L "$HOME/.claude/skills/defer" ]
}

@test "make alone names every target" {
  run make -s -C "$ROOT"
  [ "$status" -eq 0 ]
  for name in help demo check test test-slow lint bench install uninstall lock; do [[ $output == *"  $name "* ]]; done
}
