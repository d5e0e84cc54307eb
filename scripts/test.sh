#!/bin/sh
# `npm test`: set-up, system packages that tests need, then format, lint, types and every test.
# With arguments only these test files: npm test -- protocol/mqtt/src/packet.test.ts
# Every check runs even when an earlier one failed, so that one run tells everything; the runner's totals come last.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root" || exit 1
. "$root/scripts/setup.sh"
holdfast_setup "$root"
holdfast_pick_node "$root"
sh scripts/system-packages.sh openssl gcc libssl-dev mosquitto mosquitto_pub nats-server swtpm tpm2_createek swtpm_setup chromium curl python3 python3-cryptography python3-cryptography-vectors g++ softhsm2-util pkcs11-tool rsyslogd lmnsd_gtls.so age tar

# Milliseconds one test (and one file) may take before it counts as hung; the crash suite is the longest of all.
TEST_MS_MAX=600000
failed=
modules=$root/node_modules

check() {
  name=$1
  shift
  if "$@"; then echo "✔ $name"; else
    echo "✖ $name"
    failed="$failed $name"
  fi
}

if [ $# -eq 0 ]; then
  check format "$HOLDFAST_NODE" "$modules/@biomejs/biome/bin/biome" format --colors=off .
  check lint "$HOLDFAST_NODE" "$modules/oxlint/bin/oxlint" --type-aware --quiet
  check types "$HOLDFAST_NODE" "$modules/typescript/bin/tsc" --noEmit --pretty false
  # shellcheck disable=SC2046 # File names of ours hold no blanks (testing/tidy sees to that).
  set -- $(find protocol domain platform apps testing -name node_modules -prune -o -name '*.test.ts' -print | LC_ALL=C sort)
fi

mkdir -p "$root/.cache"
totals=$root/.cache/test.tap
# Two files at a time: most wait on sockets and disks, and the machines that run this have two cores.
"$HOLDFAST_NODE" --test --test-concurrency=2 --test-timeout="$TEST_MS_MAX" \
  --test-reporter=spec --test-reporter-destination=stdout \
  --test-reporter=./testing/conformance/src/table/reporter.ts --test-reporter-destination=stdout \
  --test-reporter=tap --test-reporter-destination="$totals" "$@" || failed="$failed tests"

[ -z "$failed" ] || echo "failed:$failed"
# The runner's own last lines: tests, suites, pass, fail, cancelled, skipped, todo, duration.
tail -n 8 "$totals" 2>/dev/null
[ -z "$failed" ]
