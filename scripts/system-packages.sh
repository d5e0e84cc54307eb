#!/bin/sh
# Installs what tests and benchmarks need of the system, where it may: root on Debian and its kin, and only what is missing.
#
#   sh scripts/system-packages.sh TOOL...
#
# Exits 0 also where it may not or cannot: the tests then name what they had to skip (`requireTool` in testing/tidy).
set -u

is_present() {
  case $1 in
    libssl-dev) [ -f /usr/include/openssl/ssl.h ] ;;
    lmnsd_gtls.so) ls /usr/lib/*/rsyslog/lmnsd_gtls.so >/dev/null 2>&1 ;;
    python3-cryptography) python3 -c 'import cryptography' >/dev/null 2>&1 ;;
    python3-cryptography-vectors) [ -d /usr/lib/python3/dist-packages/cryptography_vectors ] ;;
    *) PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$1" >/dev/null 2>&1 ;;
  esac
}

package_of() {
  case $1 in
    mosquitto_pub | mosquitto_sub) echo mosquitto-clients ;;
    gcc) echo gcc libc6-dev ;;
    softhsm2-util) echo softhsm2 ;;
    rsyslogd) echo rsyslog ;;
    lmnsd_gtls.so) echo rsyslog-gnutls ;;
    pkcs11-tool) echo opensc ;;
    tpm2_*) echo tpm2-tools ;;
    swtpm_*) echo swtpm-tools ;;
    *) echo "$1" ;;
  esac
}

packages=
for tool in "$@"; do
  is_present "$tool" || packages="$packages $(package_of "$tool")"
done
[ -n "$packages" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "system packages:$packages not installed (that takes root on Debian); tests that need them will say so" >&2
  exit 0
fi

# A broker that a package starts by itself would hold 1883 and answer in place of what a test started.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  trap 'rm -f /usr/sbin/policy-rc.d; exit 130' INT
  trap 'rm -f /usr/sbin/policy-rc.d; exit 143' TERM HUP
fi

echo "Installing system packages (first time only):$packages …" >&2
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
log=$(mktemp)
# Another apt-get may be at work on a shared machine: wait for it rather than fail.
# shellcheck disable=SC2086 # A list of packages, split on purpose.
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 $packages; } >"$log" 2>&1; then
  tail -n 10 "$log" >&2
  echo "system packages:$packages could not be installed; tests that need them will say so" >&2
fi
rm -f "$log"
exit 0
