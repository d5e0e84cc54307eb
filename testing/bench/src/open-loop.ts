/**
 * Latency under a rate that does not wait for answers. Each call has its moment in a schedule, and its latency counts from
 * that moment, also when it could only begin later: a server that stands still is charged for everybody who had to wait
 * (no coordinated omission).
 */

export interface OpenLoopResult {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly calls: number
  readonly failures: number
  /** Calls a second that were answered, from the first moment of the schedule to the last answer. */
  readonly reached: number
}

/** How often calls that are due are begun, in milliseconds: half a millisecond late on average. */
const TURN_MS = 1

/** @param call its failure counts, and its latency with it. */
export async function openLoop(
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
  call: (index: number) => Promise<unknown>,
): Promise<OpenLoopResult> {
  const total = Math.round(perSecond * seconds)
  const latencies: number[] = []
  const waiting: Promise<void>[] = []
  let failures = 0
  let begun = 0
  const start = performance.now()
  const begin = (index: number): void => {
    const due = start + (index * 1000) / perSecond
    const done = (): void => void latencies.push(performance.now() - due)
    waiting.push(
      call(index).then(done, () => {
        failures += 1
        done()
      }),
    )
  }
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - start) * perSecond) / 1000) + 1)
      for (; begun < due; begun += 1) begin(begun)
      if (begun < total) return
      clearInterval(timer)
      resolve()
    }, TURN_MS)
  })
  await Promise.all(waiting)
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return {
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    calls: total,
    failures,
    reached: (total / (performance.now() - start)) * 1000,
  }
}

/** How many times a second `lanes` of calls, each begun when the one before has ended, are done. */
export async function closedLoop(
  { lanes, seconds }: { readonly lanes: number; readonly seconds: number },
  call: (lane: number) => Promise<unknown>,
): Promise<number> {
  const start = performance.now()
  const until = start + seconds * 1000
  let done = 0
  const lane = async (index: number): Promise<void> => {
    while (performance.now() < until) {
      await call(index)
      done += 1
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)))
  return (done / (performance.now() - start)) * 1000
}
