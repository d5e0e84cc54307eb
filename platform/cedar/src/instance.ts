/**
 * Instances of Cedar. Whatever ends one by a trap (a text that makes it recurse too deep) leaves it in no state to go on,
 * so that each can be replaced: the module is evaluated anew, with memory of its own.
 */

import { createRequire } from 'node:module'

export type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs')

const modules = createRequire(import.meta.url)
const MODULE = '@cedar-policy/cedar-wasm/nodejs'

/** A new instance; some 60 ms and 10 MB. */
export function loadCedar(): Cedar {
  delete modules.cache[modules.resolve(MODULE)]
  // The one place where the module's types are claimed: they are those of its own declaration.
  return modules(MODULE) as Cedar
}
