#!/bin/sh
# Runs one TypeScript file with the Node that Holdfast runs on: sh scripts/run.sh FILE [ARGUMENT]...
# FILE is relative to the root of the repository. The working directory stays the caller's.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
[ $# -ge 1 ] || { echo 'usage: sh scripts/run.sh FILE [ARGUMENT]...' >&2; exit 2; }
. "$root/scripts/setup.sh"
holdfast_setup "$root"
holdfast_pick_node "$root"
file=$1
shift
case $file in
  /*) ;;
  *) file=$root/$file ;;
esac
[ -f "$file" ] || { echo "holdfast: there is no $file" >&2; exit 2; }
exec "$HOLDFAST_NODE" "$file" "$@"
