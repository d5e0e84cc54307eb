/**
 * Which code has run, told by V8's block counters through the inspector, in this thread. Counting costs the code a few
 * per cent; a look costs half a millisecond, so one is taken for a whole batch of inputs.
 */

import { type Profiler, Session } from 'node:inspector'

/** Code that counts: our own that is pure. Its fakes and the fuzzer are not what is being tested. */
const OURS = /\/(?:protocol|domain)\/[a-z]+\/src\/(?!testing\/)/

export class Coverage {
  readonly #session = new Session()
  /** A byte for each character of a script's source: 1 once it has run. */
  readonly #seen = new Map<string, Uint8Array>()
  #blocks = 0

  constructor() {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Places of the code that have been seen to run for the first time, in all. */
  get blocks(): number {
    return this.#blocks
  }

  /** Forgets what ran since the last look. */
  reset(): void {
    this.#take()
  }

  /**
   * Looks at what ran since the last look.
   * @param commit takes it for seen; otherwise it stays news.
   * @returns whether code ran that had not been seen.
   */
  look(commit: boolean): boolean {
    let isNews = false
    for (const script of this.#take()) {
      const ran = painted(script)
      let seen = this.#seen.get(script.url)
      if (seen === undefined || seen.length < ran.length) {
        const larger = new Uint8Array(ran.length)
        if (seen !== undefined) larger.set(seen)
        seen = larger
        this.#seen.set(script.url, seen)
      }
      let isBlock = false
      for (let at = 0; at < ran.length; at++) {
        const isNew = ran[at] === 1 && seen[at] === 0
        if (isNew) {
          isNews = true
          if (!commit) return true
          if (!isBlock) this.#blocks += 1
          seen[at] = 1
        }
        isBlock = isNew
      }
    }
    return isNews
  }

  stop(): void {
    this.#session.disconnect()
  }

  #take(): readonly Profiler.ScriptCoverage[] {
    let scripts: readonly Profiler.ScriptCoverage[] = []
    // Called back before `post` returns: the inspector is in this very thread.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error
      scripts = answer.result
    })
    return scripts.filter(({ url }) => OURS.test(url))
  }
}

/** 1 for every character that ran. Ranges come outer before inner, and the inner one knows better. */
function painted(script: Profiler.ScriptCoverage): Uint8Array {
  const ranges = script.functions.flatMap((it) => it.ranges)
  const ran = new Uint8Array(Math.max(0, ...ranges.map((it) => it.endOffset)))
  for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  return ran
}
