# shellcheck shell=bash
# Summary: text for people, in which nothing is left that a terminal would obey.
# Usage: . "$scripts/say.sh"

# Sets REPLY to TEXT with a question mark for each byte or character that a terminal would obey: controls, what turns
# the direction of writing, line separators, tags. Works on bytes of UTF-8, whatever the locale (defer/visible.py).
shown() {
  local LC_ALL=C
  REPLY=${1//[$'\001'-$'\037'$'\177']/?}
  REPLY=${REPLY//$'\302'[$'\200'-$'\237']/?}
  REPLY=${REPLY//$'\330\234'/?}
  REPLY=${REPLY//$'\342\200'[$'\216\217\250'-$'\256']/?}
  REPLY=${REPLY//$'\342\201'[$'\246'-$'\257']/?}
  REPLY=${REPLY//$'\357\273\277'/?}
  REPLY=${REPLY//$'\363\240'[$'\200'-$'\203']?/?}
}

# One line on stdout, for people.
say() {
  shown "$1"
  printf '%s\n' "$REPLY"
}

# One line on stderr.
tell() {
  shown "$1"
  printf 'defer: %s\n' "$REPLY" >&2
}
