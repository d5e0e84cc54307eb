/** Query parameters at the border: those that a route names, each once, each of its form, every fault named. */

import type { Context } from 'hono'
import { type Timestamp, timestampOf } from '@holdfast/base'
import type { TObject, TSchema } from 'typebox'
import Value from 'typebox/value'
import type { HttpEnvironment } from './environment.ts'
import { badRequest, type Fault } from '../core/problem.ts'

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

/**
 * The parameters of a request as a schema describes them: integers, booleans and strings, told as text.
 * @throws Problem 400.
 */
export function readQueryAs(context: Context<HttpEnvironment>, schema: TObject | undefined): Record<string, unknown> {
  const properties = Object.entries(schema?.properties ?? {})
  const values = readQuery(context, Object.fromEntries(properties.map(([name, one]) => [name, readerOf(one)])))
  const missing = (schema?.required ?? []).filter((name) => !Object.hasOwn(values, name))
  if (missing.length > 0) throw badRequest(missing.map((name) => ({ path: `?${name}`, message: 'is missing' })))
  return values
}

/**
 * Sees that the headers are there that a schema asks for.
 * @throws Problem 400.
 */
export function readHeadersAs(context: Context<HttpEnvironment>, schema: TObject | undefined): void {
  for (const [name, one] of Object.entries(schema?.properties ?? {})) {
    const text = context.req.header(name)
    if (text === undefined && schema?.required?.includes(name) !== true) continue
    const read = text === undefined ? { fault: 'is missing' } : readerOf(one)(text)
    if ('fault' in read) throw badRequest([{ path: '', message: `${read.fault}: the header ${name}` }])
  }
}

function readerOf(schema: TSchema): Reader<unknown> {
  const { type, enum: choices, format, minimum, maximum, maxLength } = schema as TSchema & Words
  if (type === 'integer' && minimum !== undefined && maximum !== undefined) return wholeNumber(minimum, maximum)
  if (type === 'boolean') return flag
  if (choices !== undefined) return oneOf(...choices)
  if (format === 'date-time') return (text) => (isTime(text) ? { value: text } : { fault: TIME_FAULT })
  return (value) => {
    if (maxLength !== undefined && value.length > maxLength) return { fault: `has at most ${maxLength} characters` }
    if (Value.Check(schema, value)) return { value }
    return { fault: Value.Errors(schema, value).at(0)?.message ?? 'is not of the form it must have' }
  }
}

/** What a schema of a parameter says. */
interface Words {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
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

const TIME_FAULT = 'is a time like 2026-11-24T10:00:00Z'

function isTime(text: string): boolean {
  return RFC3339.test(text) && !Number.isNaN(Date.parse(text))
}

/** RFC 3339, with a zone; milliseconds are the finest that counts. */
export const time: Reader<Timestamp> = (text) => {
  return isTime(text) ? { value: timeOf(text) } : { fault: TIME_FAULT }
}

/** Of a text that a reader has found to be a time. */
export function timeOf(text: string): Timestamp {
  return timestampOf(Math.trunc(Date.parse(text)))
}

function knownText(readers: Readers): string {
  const names = Object.keys(readers)
  return names.length === 0 ? 'there are none here' : `known are ${names.join(', ')}`
}
