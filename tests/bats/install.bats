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
  for link in bash-completion/completions/defer zsh/site-functions/_defer fish/vendor_completions.d/defer.fish; do
    [ -f "$HOME/.local/share/$link" ]
    [[ $(readlink "$HOME/.local/share/$link") == "$ROOT/scripts/completion/"* ]]
  done
  [ "$(readlink "$HOME/.local/share/man/man1/defer.1")" = "$ROOT/scripts/man/defer.1" ]
  "$HOME/.local/bin/defer" list --compact
}

@test "says that the command is not on PATH, and how cron is told" {
  run target install
  [[ $output == *"$HOME/.local/bin is not on your PATH"* ]]
  [ "${lines[${#lines[@]} - 1]}" = "Now have it woken every minute: $HOME/.local/bin/defer waker install" ]
  PATH=$HOME/.local/bin:$PATH run target install
  [[ $output != *"not on your PATH"* ]]
  [ "${lines[${#lines[@]} - 1]}" = "Now have it woken every minute: defer waker install" ]
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
  [ -L "$HOME/.qwen/skills/defer" ]
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

# A crontab of one's own, with what `make uninstall` may find, and a store.
used() {
  local programs=$BATS_TEST_TMPDIR/programs
  mkdir -p "$programs" "$HOME/.config/defer/tasks" "$HOME/.local/share/defer/venv-0123456789ab" "$DEFER_RUNTIME_DIR"
  printf '%s\n' '#!/bin/sh' 'case $1 in -l) cat "$HOME/tab" ;; -r) rm "$HOME/tab" ;; -) cat >"$HOME/tab" ;; esac' >"$programs/crontab"
  chmod +x "$programs/crontab"
  PATH=$programs:$PATH
  line="* * * * * '$scripts/run-deferred.sh' # defer: wakes the tasks that are due"
  printf '%s\n' '0 5 * * * date' "$line" >"$HOME/tab"
  touch "$HOME/.config/defer/env" "$HOME/.config/defer/tasks/disk.yml" "$store"
  chmod 600 "$HOME/.config/defer/env"
}

@test "uninstall says what stays, where it is, and how each is removed" {
  used
  target install AGENT=none
  run --separate-stderr target uninstall
  [ "$status" -eq 0 ]
  [[ $output == *"stays: what wakes it, in your crontab: $line (to remove it: $(printf %q "$scripts")/schedule-task.sh waker uninstall)"* ]]
  [[ $output == *"stays: every task, archive and log: $DEFER_RUNTIME_DIR (to remove it: make -C $(printf %q "$ROOT") clean-runtime CONFIRM=yes)"* ]]
  for path in .config/defer/env .config/defer/tasks .local/share/defer; do
    [[ $output == *": $HOME/$path (to remove it: rm -rf $(printf %q "$HOME/$path"))"* ]]
  done
  [[ $output == *"$ROOT (to remove it: rm -rf $(printf %q "$ROOT"))"* ]]
  [ "${lines[${#lines[@]} - 1]}" = "make uninstall ALL=1 removes all of it but for the code and what you keep elsewhere" ]
  [ "$(grep -c . "$HOME/tab")" -eq 2 ]
  [ -e "$store" ]
}

@test "uninstall ALL=1 says what it removes, removes it, and nothing else" {
  used
  target install
  touch "$HOME/.config/defer/tasks/notes.txt" "$HOME/elsewhere.log"
  DEFER_LOG_FILE=$HOME/elsewhere.log run target uninstall ALL=1
  [ "$status" -ne 0 ] # something else lies among the task files
  [ "${lines[0]}" = "This removes the links that were made, and for good:" ]
  [[ ${lines[1]} == "  what wakes it, in your crontab: $line" ]]
  [[ $output == *"$HOME/.config/defer/tasks holds something else, too: left as it is"* ]]
  [[ $output == *"stays: what DEFER_LOG_FILE names: $HOME/elsewhere.log"* ]]
  [ "$(cat "$HOME/tab")" = "0 5 * * * date" ]
  [ ! -e "$DEFER_RUNTIME_DIR" ]
  rm "$HOME/tab"
  [ "$(cd "$HOME" && find . -type f | sort | xargs)" = "./.config/defer/tasks/notes.txt ./elsewhere.log" ]
  [ ! -e "$HOME/.local/share/defer" ]
  [ -d "$ROOT/scripts" ]
}

@test "uninstall ALL=1 removes nothing while something is being executed, unless it is told to" {
  used
  touch "$DEFER_RUNTIME_DIR/.deferred.jsonl.wake_1.lease"
  before=$(everything)
  run target uninstall ALL=1
  [ "$status" -ne 0 ]
  [[ $output == *"a task is being executed in $DEFER_RUNTIME_DIR"* ]]
  [ "$(everything)" = "$before" ]
  run target uninstall ALL=1 FORCE=1
  [ "$status" -eq 0 ]
  [ ! -e "$DEFER_RUNTIME_DIR" ]
}

@test "uninstall ALL=1 follows no link, and leaves another copy's waker and all that it wakes" {
  used
  mkdir "$HOME/mine"
  touch "$HOME/mine/a.yml"
  rm -r "$HOME/.config/defer/tasks" "$HOME/.local/share/defer"
  ln -s "$HOME/mine" "$HOME/.config/defer/tasks"
  ln -s "$HOME/mine" "$HOME/.local/share/defer"
  mkdir -p "$HOME/other/scripts"
  printf '#!/bin/sh\n' >"$HOME/other/scripts/run-deferred.sh"
  chmod +x "$HOME/other/scripts/run-deferred.sh"
  printf '%s\n' "* * * * * '$HOME/other/scripts/run-deferred.sh' # defer: wakes the tasks that are due" >>"$HOME/tab"
  run target uninstall ALL=1
  [ "$status" -ne 0 ]
  [[ $output == *"nothing else is removed: "*"other/scripts"*"belongs to another copy"* ]]
  [ -e "$store" ]
  echo >"$HOME/tab"
  run target uninstall ALL=1
  [ -e "$HOME/mine/a.yml" ]
  [ -L "$HOME/.config/defer/tasks" ]
  [ -L "$HOME/.local/share/defer" ]
  [ ! -e "$DEFER_RUNTIME_DIR" ]
}

@test "only what is typed removes: a variable of that name in the environment does not" {
  used
  ALL=1 run target uninstall
  [ "$status" -eq 0 ]
  [ -e "$store" ]
  run target uninstall ALL=maybe
  [ "$status" -ne 0 ]
  [[ $output == *"neither 1 nor 0: maybe"* ]]
  [ -e "$store" ]
}

@test "an extra that is not known is one clear line, and nothing is installed" {
  run target install EXTRAS=notify,nope
  [ "$status" -ne 0 ]
  [[ ${lines[0]} == "defer: no such extra: nope (there are: "*notify*")" ]]
  [ ! -e "$HOME/.local" ]
}

@test "make alone names every target" {
  run make -s -C "$ROOT"
  [ "$status" -eq 0 ]
  for name in help demo check test test-slow lint bench install uninstall lock; do [[ $output == *"  $name "* ]]; done
}
