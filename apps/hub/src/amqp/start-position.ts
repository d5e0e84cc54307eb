/** Where a reader of a partition starts: the selector of its source (azure-iot.md §5.6). */

import { Described, type Value } from '@holdfast/amqp'
import { timestampOf } from '@holdfast/base'
import type { Position } from '@holdfast/messaging'

export type StartPosition = Position | { readonly kind: 'latest' }

const SELECTOR = 'apache.org:selector-filter:string'
const SELECTOR_CODE = 0x468c_0000_0004
/** `amqp.annotation.x-opt-offset > '12'`; the value may stand without quotes. */
const EXPRESSION = /^\s*amqp\.annotation\.(x-opt-[a-z-]+)\s*(>=?)\s*'?(-1|@latest|\d{1,16})'?\s*$/i

/**
 * Reads a filter set. Without a selector reading starts with what is oldest.
 * @returns undefined for a selector that is not known.
 */
export function startPositionOf(filter: ReadonlyMap<Value, Value>): StartPosition | undefined {
  const text = selectorOf(filter)
  if (text === undefined) return { kind: 'sequence', from: 0 }
  const match = EXPRESSION.exec(text)
  if (match === null) return undefined
  const [, name = '', operator, value = ''] = match
  const isInclusive = operator === '>='
  if (value === '@latest') return name.toLowerCase() === 'x-opt-offset' ? { kind: 'latest' } : undefined
  const number = Number(value)
  if (!Number.isSafeInteger(number)) return undefined
  switch (name.toLowerCase()) {
    case 'x-opt-offset':
      return number < 0 ? { kind: 'sequence', from: 0 } : { kind: 'offset', after: isInclusive ? number - 1 : number }
    case 'x-opt-sequence-number':
      return { kind: 'sequence', from: Math.max(0, isInclusive ? number : number + 1) }
    case 'x-opt-enqueued-time':
    case 'x-opt-enqueuedtimeutc':
      return { kind: 'enqueued', after: timestampOf(isInclusive ? number - 1 : number) }
    default:
      return undefined
  }
}

/** The text, whatever its key in the set: its descriptor says what it is. */
function selectorOf(filter: ReadonlyMap<Value, Value>): string | undefined {
  for (const [key, value] of filter) {
    if (value instanceof Described && typeof value.value === 'string') {
      if (value.descriptor === SELECTOR || value.descriptor === SELECTOR_CODE || key === SELECTOR) return value.value
    } else if (key === SELECTOR && typeof value === 'string') return value
  }
  return undefined
}
