#!/bin/sh
# `npm run conformance`: the official SDKs against a hub, with one line a row of the checklist.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
exec sh "$root/scripts/test.sh" "$root"/testing/conformance/src/*.test.ts
