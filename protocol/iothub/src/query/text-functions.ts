/**
 * The functions on texts, as values: whoever runs queries calls these. Lengths and places count UTF-16 units from 0,
 * as Azure's do. What is not of the right kind makes the result undefined.
 */

import type { TextFunctionName } from './syntax.ts'

const NUMBER = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/

/** @param operands texts and numbers; undefined for anything else. */
export function applyTextFunction(
  name: TextFunctionName,
  operands: readonly (string | number | undefined)[],
): string | number | undefined {
  const [first, second, third] = operands
  if (name === 'AS_NUMBER') return typeof first === 'number' ? first : asNumber(first)
  if (typeof first !== 'string') return undefined
  switch (name) {
    case 'CONCAT':
      return operands.every((operand) => typeof operand === 'string') ? operands.join('') : undefined
    case 'LENGTH':
      return first.length
    case 'LOWER':
      return first.toLowerCase()
    case 'UPPER':
      return first.toUpperCase()
    case 'INDEX_OF':
      return typeof second === 'string' ? first.indexOf(second) : undefined
    case 'SUBSTRING': {
      if (!isPlace(second) || (operands.length > 2 && !isPlace(third))) return undefined
      const end = isPlace(third) ? second + third : first.length
      // A cut through a character of two units leaves half of it; it has no form outside UTF-16.
      return first.slice(second, end).toWellFormed()
    }
  }
}

function asNumber(text: string | undefined): number | undefined {
  if (text === undefined || !NUMBER.test(text)) return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}

function isPlace(value: string | number | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}
