/** How a call came in (`https/10.0.0.7`, `local`, …), beside its arguments: what it writes is told with it. */

import { AsyncLocalStorage } from 'node:async_hooks'

const sources = new AsyncLocalStorage<string>()

/** Serves a call that came in by `source`; for `serve` of `@holdfast/node/threads`. */
export function fromSource<T>(source: string, call: () => T): T {
  return sources.run(source, call)
}

/** Undefined for what nobody outside asked for. */
export function currentSource(): string | undefined {
  return sources.getStore()
}
