/** Query parameters at the border: those that a route names, each once, each of its form, every fault named. */

import type { Context } from 'hono'
import { type Timestamp, timestampOf } from '@holdfast/base'
import type { HttpEnvironment } from './environment.ts'
import { badRequest, type Fault } from './problem.ts'

/** Reads one value, or says what is wrong with it. */
export type Reader<T> = (text: string) => { readonly value: T } | { readonly fault: string }

type Readers = Readonly<Record<string, Reader<unknown>>>
type Values<R extends Readers> = { readonly [K in keyof R]?: R[K] extends Reader<infer T> ? T : never }

/**
 * The parameters of a request, as `readers` read them; those that are not there are not in the result.
 * @throws Problem 400.
 */
export function readQuery<R extends Readers>(context: Context<HttpEnvironment>, readers: R): Values<R> {
  const faults: Fault[] = []
  const values = new Map<string, unknown>()
  for (const [name, text] of new URL(context.req.url).searchParams) {
    const path = `?${name.slice(0, 64)}`
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined
    if (reader === undefined) faults.push({ path, message: `is not known; ${knownText(readers)}` })
    else if (values.has(name)) faults.push({ path, message: 'stands twice' })
    else {
      const read = reader(text)
      if ('fault' in read) faults.push({ path, message: read.fault })
      values.set(name, 'fault' in read ? undefined : read.value)
    }
    if (faults.length >= 8) break
  }
  if (faults.length > 0) throw badRequest(faults)
  return Object.fromEntries(values) as Values<R>
}

export function wholeNumber(min: number, max: number): Reader<number> {
  const fault = { fault: `is a whole number from ${min} to ${max}` }
  return (text) => {
    if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return fault
    const value = Number(text)
    return value < min || value > max ? fault : { value }
  }
}

export const flag: Reader<boolean> = (text) =>
  text === 'true' ? { value: true } : text === 'false' ? { value: false } : { fault: 'is true or false' }

/** Any text up to `charactersMax` UTF-16 units; what it means is checked where it is used. */
export function text(charactersMax: number): Reader<string> {
  return (value) => (value.length > charactersMax ? { fault: `has at most ${charactersMax} characters` } : { value })
}

export function oneOf<T extends string>(...choices: readonly T[]): Reader<T> {
  return (text) => {
    const value = choices.find((choice) => choice === text)
    return value === undefined ? { fault: `is one of ${choices.join(', ')}` } : { value }
  }
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/i

/** RFC 3339, with a zone; milliseconds are the finest that counts. */
export const time: Reader<Timestamp> = (text) => {
  const value = RFC3339.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(value)
    ? { fault: 'is a time like 2026-11-24T10:00:00Z' }
    : { value: timestampOf(Math.trunc(value)) }
}

function knownText(readers: Readers): string {
  const names = Object.keys(readers)
  return names.length === 0 ? 'there are none here' : `known are ${names.join(', ')}`
}
