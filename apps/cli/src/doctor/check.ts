/** One link of the installation, looked at. */

export interface Check {
  readonly name: string
  readonly verdict: 'ok' | 'warning' | 'failed'
  /** What was found. */
  readonly found: string
  /** What to do; empty when all is well. */
  readonly advice: string
}

export function ok(name: string, found: string): Check {
  return { name, verdict: 'ok', found, advice: '' }
}

export function warning(name: string, found: string, advice: string): Check {
  return { name, verdict: 'warning', found, advice }
}

export function failed(name: string, found: string, advice: string): Check {
  return { name, verdict: 'failed', found, advice }
}
