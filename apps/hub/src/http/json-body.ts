/** JSON bodies at the border: bounded, strict UTF-8, I-JSON, checked against a schema, every fault named. */

import { pointer, readStrictJson } from '@holdfast/api'
import type { Context } from 'hono'
import type { Static, TSchema } from 'typebox'
import Value from 'typebox/value'
import type { HttpEnvironment } from './environment.ts'
import { BODY_BYTES_MAX, bodyTooLarge } from './guard.ts'
import { badRequest, type Fault, Problem } from '../core/problem.ts'

/** Faults named in one answer; a body may hold as many as it has bytes. */
const FAULTS_MAX = 32

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads the body of a request as `schema` describes it.
 * @throws Problem 400, 413 or 415.
 */
export async function readJson<S extends TSchema>(context: Context<HttpEnvironment>, schema: S): Promise<Static<S>> {
  const type = context.req.header('content-type') ?? ''
  if (!/^application\/json(?:\s*;\s*charset=utf-8)?\s*$/i.test(type)) {
    throw new Problem({
      status: 415,
      code: 'not-json',
      title: 'the body is not said to be JSON',
      detail: 'send it with Content-Type: application/json',
    })
  }
  const reading = readStrictJson(await readText(context.req.raw))
  if (reading.kind === 'fault') throw badRequest([{ path: reading.path, message: reading.message }])
  const { value } = reading
  if (Value.Check(schema, value)) return value
  throw badRequest(faultsOf(schema, value))
}

async function readText(request: Request): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw bodyTooLarge()
    chunks.push(chunk)
  }
  try {
    return decoder.decode(Buffer.concat(chunks))
  } catch {
    throw badRequest([{ path: '', message: 'is not UTF-8' }])
  }
}

function faultsOf(schema: TSchema, value: unknown): readonly Fault[] {
  const faults: Fault[] = []
  for (const error of Value.Errors(schema, value)) {
    if (error.keyword === 'required') {
      for (const name of error.params.requiredProperties) {
        faults.push({ path: `${error.instancePath}/${name}`, message: 'is missing' })
      }
    } else if (error.keyword === 'additionalProperties') {
      for (const name of error.params.additionalProperties) {
        faults.push({ path: `${error.instancePath}/${pointer(name)}`, message: 'is not known' })
      }
    } else if (error.keyword !== 'boolean') {
      // The schema of what may not be there says "false" beside it.
      faults.push({ path: error.instancePath, message: error.message })
    }
    if (faults.length >= FAULTS_MAX) return faults.slice(0, FAULTS_MAX)
  }
  return faults
}
