import { SHRINK_RUNS_MAX } from './limits.ts'

/** A smaller input that still fails: takes out ever smaller parts, then plain letters for bytes. */
export function shrink(bytes: Uint8Array, fails: (bytes: Uint8Array) => boolean): Uint8Array {
  let best = bytes
  let runs = 0
  const attempt = (candidate: Uint8Array): boolean => {
    runs += 1
    if (!fails(candidate)) return false
    best = candidate
    return true
  }
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && runs < SHRINK_RUNS_MAX; ) {
      const candidate = Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + size)])
      if (!attempt(candidate)) at += size
    }
  }
  for (let at = 0; at < best.length && runs < SHRINK_RUNS_MAX; at++) {
    if (best[at] === 0x61) continue
    const candidate = best.slice()
    candidate[at] = 0x61
    attempt(candidate)
  }
  return best
}
