#!/bin/sh
# Builds the native part of pkcs11js, which talks to PKCS#11 tokens: sh scripts/build-pkcs11.sh
#
# Install scripts are off, so nothing native is built unless somebody asks; who keeps keys in a token does, by this. Takes a
# C++ compiler and the headers that come with the pinned Node; no network, no Python. Node-API is stable over versions of
# Node, so what is built here runs with the machine's own Node too. Quick when it was built already.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
source=$root/node_modules/pkcs11js
target=$source/build/Release/pkcs11.node

fail() {
  printf 'holdfast: %s\n' "$1" >&2
  exit 1
}

[ -f "$source/binding.gyp" ] || fail "the optional package pkcs11js is not installed; run npm ci --ignore-scripts --include=optional in $root"
if [ -f "$target" ] && ! [ "$source/package.json" -nt "$target" ]; then exit 0; fi

headers=
for candidate in "$root"/node_modules/node-linux-*/include/node "$(dirname "$(command -v node)")/../include/node" /usr/include/node; do
  if [ -f "$candidate/node_api.h" ]; then
    headers=$candidate
    break
  fi
done
[ -n "$headers" ] || fail "no headers of Node were found; install them (on Debian: libnode-dev)"
compiler=${CXX-g++}
command -v "$compiler" >/dev/null 2>&1 || fail "a C++ compiler is needed; install one (on Debian: apt install g++)"

mkdir -p "$source/build/Release"
# A file of its own first: two that build at once, or one that is interrupted, leave no half of it under the real name.
built=$target.$$
trap 'rm -f "$built"' EXIT
(
  cd "$source"
  "$compiler" -std=c++17 -O2 -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2 -shared -fvisibility=hidden \
    -Wl,-z,relro -Wl,-z,now -DNODE_GYP_MODULE_NAME=pkcs11 -DNAPI_DISABLE_CPP_EXCEPTIONS -DBUILDING_NODE_EXTENSION \
    -Iincludes -I"$headers" -o "$built" src/dl.cpp src/common.cpp src/main.cpp
) || fail "pkcs11js could not be built (the compiler's words stand above)"
mv -f "$built" "$target"
