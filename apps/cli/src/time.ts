/** Times as people give them: RFC 3339, or how long ago (`10m`, `2h`, `1d`). */

import { wrongUse } from './failure.ts'

const RELATIVE = /^(\d{1,9})(ms|s|m|h|d)$/
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const RFC3339 = /^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})?)?$/

/**
 * RFC 3339 in UTC for what was given. A time without a zone, and a date alone, are read as UTC.
 * @throws Failure (wrong use) for anything else.
 */
export function readTime(text: string, now: number): string {
  const relative = RELATIVE.exec(text)
  if (relative !== null) {
    const [, count = '0', unit = 's'] = relative
    return at(now - Number(count) * (UNIT_MS[unit] ?? 0), text)
  }
  if (text === 'now') return at(now, text)
  if (!RFC3339.test(text)) throw notATime(text)
  const hasZone = /([Zz]|[+-]\d{2}:\d{2})$/.test(text)
  const hasTime = text.length > 10
  return at(Date.parse(`${text.replace(' ', 'T').toUpperCase()}${hasTime && !hasZone ? 'Z' : ''}`), text)
}

/**
 * Whole seconds of a span of time such as `30s` or `2m`.
 * @throws Failure (wrong use) for anything else.
 */
export function readSeconds(text: string): number {
  const relative = RELATIVE.exec(text)
  const [, count = '0', unit = ''] = relative ?? []
  const seconds = (Number(count) * (UNIT_MS[unit] ?? Number.NaN)) / 1000
  if (!Number.isInteger(seconds)) throw wrongUse(`'${text}' is no time in seconds; give one like 30s or 2m`)
  return seconds
}

function at(milliseconds: number, text: string): string {
  const time = new Date(milliseconds)
  if (Number.isNaN(time.getTime()) || time.getTime() < 0) throw notATime(text)
  return time.toISOString()
}

function notATime(text: string): Error {
  return wrongUse(`'${text}' is no time; give one like 2026-11-24T10:00:00Z, or how long ago: 10m, 2h, 1d`)
}
