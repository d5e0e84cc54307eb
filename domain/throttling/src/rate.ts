/** How often something may be done. */
export interface Rate {
  /** On average. */
  readonly perSecond: number
  /** At once. */
  readonly burst: number
}

/** @throws TypeError for what is no rate: a bug, or a setting that was not checked. */
export function checkRate({ perSecond, burst }: Rate): void {
  if (!(perSecond > 0 && Number.isFinite(perSecond))) throw new TypeError('perSecond is a number above 0')
  if (!(burst >= 1 && Number.isFinite(burst))) throw new TypeError('burst is at least 1')
}
