/** Answers beside what the operations say of them: a schema that is wrong fails the tests that get such an answer. */

import assert from 'node:assert/strict'
import { ALL_OPERATIONS, canBeProposed, type Operation, PROBLEMS, PROPOSED_STATUS, ProposalApi } from '@holdfast/api'
import type { TSchema } from 'typebox'
import Value from 'typebox/value'

const PATTERNS = ALL_OPERATIONS.map((operation) => ({
  operation,
  pattern: new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  // Where two match, the one with fewer parameters is meant.
  parameters: operation.path.split('{').length,
})).toSorted((a, b) => a.parameters - b.parameters)

export function operationAt(method: string, pathname: string): Operation | undefined {
  return PATTERNS.find(({ operation, pattern }) => operation.method === method && pattern.test(pathname))?.operation
}

/** @throws AssertionError where a good answer is not what its operation says. */
export function checkAnswer(
  request: { readonly method: string; readonly url: string },
  status: number,
  body: unknown,
): void {
  if (status >= 400) checkProblem(status, body)
  const operation = operationAt(request.method, new URL(request.url).pathname)
  if (operation === undefined || status < 200 || status >= 300) return
  const { answer } = operation
  if (status === PROPOSED_STATUS && canBeProposed(operation)) {
    checkValue(operation.id, ProposalApi.Proposal, body)
    return
  }
  if (answer.kind === 'none') assert.equal(status, 204, `${operation.id} answers with nothing`)
  if (answer.kind !== 'json') return
  assert.equal(status, answer.status ?? 200, `${operation.id} answers with its status`)
  checkValue(operation.id, answer.schema, body)
}

function checkProblem(status: number, body: unknown): void {
  const code = typeof body === 'object' && body !== null && 'code' in body ? String(body.code) : ''
  const known = PROBLEMS[code]
  assert.ok(known, `the code ${code} stands in the table of problems`)
  assert.ok(known.statuses.includes(status), `the code ${code} has the status ${status}`)
}

/** The same for one of the lines of an answer. */
export function checkLine(operation: Operation, line: unknown): void {
  if (operation.answer.kind === 'lines') checkValue(operation.id, operation.answer.schema, line)
}

function checkValue(id: string, schema: TSchema, value: unknown): void {
  if (Value.Check(schema, value)) return
  const faults = Value.Errors(schema, value).map(({ instancePath, message }) => `${instancePath}: ${message}`)
  assert.fail(
    `${id} answers what its schema does not say: ${faults.join('; ')}\n${JSON.stringify(value).slice(0, 1_000)}`,
  )
}
