# Shared by the scripts beside it; sourced, never run. Needs bash; everything else it finds or brings.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export KAKEHASHI_STARTED=${KAKEHASHI_STARTED:-$(date +%s)}   # elapsed time counts from the first script

if [ -z "${KAKEHASHI_CACHE:-}" ]; then
  # As root, Asterisk and PostgreSQL run as another user, who cannot look into root's home.
  if [ "$(id -u)" = 0 ]; then KAKEHASHI_CACHE=/var/cache/kakehashi; else KAKEHASHI_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/kakehashi; fi
fi
export KAKEHASHI_CACHE
umask 022   # what is brought must be readable for the users that Asterisk and PostgreSQL run as

# Where this is set, each of the hundreds of processes of a test run would compile every module again.
unset PYTHONDONTWRITEBYTECODE

say() { printf '[%3d s] %s\n' $(($(date +%s) - KAKEHASHI_STARTED)) "$*" >&2; }
missing() { printf 'missing: %s\n' "$*" >&2; exit 3; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
  elif command -v sudo >/dev/null && [ -t 0 ]; then sudo "$@"
  else return 1
  fi
}

# with_lock NAME COMMAND…: one at a time on this machine; the loser waits, then finds the work done.
with_lock() {
  local name=$1; shift
  mkdir -p "$KAKEHASHI_CACHE/locks"
  ( flock 9; "$@" ) 9>"$KAKEHASHI_CACHE/locks/$name"
}

hash_of() { cat "$@" | sha256sum | cut -c1-12; }

codename() { . /etc/os-release; printf '%s' "${VERSION_CODENAME:-}"; }

# The address this machine's own apt takes Debian from: read when it is needed, written nowhere.
debian_mirror() {
  apt-get indextargets --format '$(CREATED_BY)|$(COMPONENT)|$(CODENAME)|$(ORIGIN)|$(REPO_URI)' 2>/dev/null |
    awk -F'|' -v c="$(codename)" '
      $1 == "Packages" && $2 == "main" && $3 == c && ($4 == "Debian" || $4 == "") { print $5; exit }'
}

# apt_install PACKAGE…: with a fresh list when the one at hand is too old, and after what was interrupted before is
# put right; false when it cannot be done.
apt_install() {
  local log=$KAKEHASHI_CACHE/logs/apt.$$.$RANDOM
  mkdir -p "$KAKEHASHI_CACHE/logs"
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300
    install -y --no-install-recommends "$@")
  as_root "${install[@]}" >"$log" 2>&1 ||
    { as_root dpkg --configure -a >>"$log" 2>&1; as_root apt-get -qq update >>"$log" 2>&1 && as_root "${install[@]}" >>"$log" 2>&1; } ||
    { say "apt-get failed: $(grep -m1 '^E:' "$log" | cut -c1-160)"; return 1; }
  rm -f "$log"
}

can_be_root() { as_root true 2>/dev/null; }

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() { # prints a Python 3.11 to 3.13
  local name
  for name in ${KAKEHASHI_PYTHON:-} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    command -v "$name" >/dev/null && suits "$name" && { command -v "$name"; return; }
  done
  return 1
}

# run_named KIND [NAME ARGUMENT…]: runs tests/KIND/NAME.py, or lists each name with its module's first line. A module
# cannot have '-' in its name: a_b.py is called a-b.
run_named() {
  local kind=$1 file; shift
  if [ $# = 0 ]; then
    for file in "$ROOT/tests/$kind"/[a-z]*.py; do
      [ -e "$file" ] || { printf 'no %s is there yet\n' "$kind"; return; }
      printf '%-12s %s\n' "$(basename "$file" .py | tr _ -)" "$(sed -n '1s/^r\{0,1\}"""\(.*[^"]\)"*$/\1/p' "$file")"
    done
    return
  fi
  local name=${1//-/_}
  file=$ROOT/tests/$kind/$name.py
  [ -e "$file" ] || { printf 'no such %s: %s\n' "$kind" "$1" >&2; run_named "$kind" >&2; exit 2; }
  local environment module=tests.$kind.$name
  shift
  environment=$("$ROOT/scripts/setup" test web)
  cd "$ROOT"
  exec "$environment/bin/python" -m "$module" "$@"
}

# Root's components run as another user: each folder above the cache must let others pass.
check_cache() {
  local folder=$KAKEHASHI_CACHE
  mkdir -p "$folder" 2>/dev/null || missing "a writable cache folder: $folder is none; set KAKEHASHI_CACHE"
  [ "$(id -u)" = 0 ] || return 0
  folder=$(cd "$folder" && pwd -P)
  while [ "$folder" != / ]; do
    [ $((0$(stat -c %a "$folder") & 1)) = 1 ] ||
      missing "a cache folder that other users may pass through: $folder is closed to them; set KAKEHASHI_CACHE to another"
    folder=$(dirname "$folder")
  done
}
