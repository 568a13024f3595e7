# Sourced. Takes Debian packages from another suite or component without touching the machine's own apt.

# unpack_debs SUITE COMPONENTS KEEP_DIR TARGET_DIR PACKAGE…
# Downloads the packages with everything they depend on (as on an empty machine) into KEEP_DIR and unpacks them
# into TARGET_DIR. KAKEHASHI_ALONE=1 takes the packages without what they depend on, KAKEHASHI_BESIDE=1 with what this
# machine lacks of it.
unpack_debs() {
  local suite=$1 components=$2 keep=$3 target=$4; shift 4
  if ! ls "$keep"/*.deb >/dev/null 2>&1; then
    download_debs "$suite" "$components" "$keep" "$@" || return 1
  fi
  mkdir -p "$target"
  find "$keep" -name '*.deb' -print0 | xargs -0 -P"$(nproc)" -I{} dpkg-deb -x {} "$target" || return 1
  chmod 755 "$target"
}

download_debs() {
  local suite=$1 components=$2 keep=$3; shift 3
  local mirror apt options
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || { say "apt on this machine names no Debian mirror for $(codename)"; return 1; }
  apt=$(mktemp -d)
  mkdir -p "$apt"/lists/partial "$apt"/archives/partial
  if [ -n "${KAKEHASHI_BESIDE:-}" ]; then cp /var/lib/dpkg/status "$apt/status"; else : >"$apt/status"; fi
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s %s\n' \
    "$mirror" "$suite" "$components" >"$apt/sources.list"
  # Everything of apt's state is this folder's; the machine's apt.conf (proxies) still counts.
  options=(-qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o Dir::State="$apt" -o Dir::State::Lists="$apt/lists" -o Dir::State::Status="$apt/status"
    -o Dir::Cache="$apt" -o Dir::Cache::Archives="$apt/archives" -o APT::Sandbox::User="$(id -un)"
    -o Debug::NoLocking=true -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false
    -o APT::Install-Recommends=false -o APT::Update::Post-Invoke::= -o APT::Update::Post-Invoke-Success::=)
  local status=0
  apt-get "${options[@]}" update >"$apt/log" 2>&1 &&
    if [ -n "${KAKEHASHI_ALONE:-}" ]; then
      (cd "$apt/archives" && apt-get "${options[@]}" download "$@") >>"$apt/log" 2>&1
    else
      apt-get "${options[@]}" install -y --download-only "$@" >>"$apt/log" 2>&1
    fi || status=1
  if [ $status = 0 ]; then
    mkdir -p "$keep"
    mv "$apt"/archives/*.deb "$keep"/
  else
    say "apt could not fetch $* from $suite: $(grep -m1 '^E:' "$apt/log" | cut -c1-160)"
  fi
  rm -rf "$apt"
  return $status
}
