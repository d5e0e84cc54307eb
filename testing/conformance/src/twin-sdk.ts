/** What the rows of twins do with the SDKs, and what the SDKs have no call for. */

import assert from 'node:assert/strict'
import { request } from 'node:https'
import { type Client, Registry } from './azure-sdk.ts'
import type { HubProcess } from './hub-process.ts'
import { keyOf, sas } from './sas.ts'
import { eventually, failure } from './sdk-client.ts'
import { HTTPS_PORT } from './standard-ports.ts'

/** A section as the SDKs hand it out. */
export type Section = Record<string, unknown>
export type DeviceTwin = Awaited<ReturnType<Client['getTwin']>>

/** The service SDK with the key of a policy. */
export async function registryClient(hub: HubProcess, policy = 'service'): Promise<Registry> {
  return Registry.fromConnectionString(await hub.policy(policy))
}

/** Without what the SDK adds to it. */
export function plain(section: object): Section {
  return JSON.parse(JSON.stringify(section)) as Section
}

export function propertiesOf(section: Section): Section {
  const { $version: _version, $metadata: _metadata, ...properties } = plain(section)
  return properties
}

export function report(twin: DeviceTwin, patch: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    twin.properties.reported.update(patch, (error: unknown) =>
      error === undefined || error === null ? resolve() : reject(error as Error),
    )
  })
}

/** Gathers what is pushed, and says when the hub knows that the device listens. */
export async function listen(twin: DeviceTwin): Promise<Section[]> {
  const pushed: Section[] = []
  // The SDK tells of what it has already, too; pushes have a version that is newer.
  const { $version } = twin.properties.desired
  twin.on('properties.desired', (patch: Section) => {
    if (Number(patch.$version) > Number($version)) pushed.push(plain(patch))
  })
  await subscribe(twin)
  return pushed
}

/** Subscribes to pushes; the SDK does so by itself, and does not say when. */
export function subscribe(twin: DeviceTwin): Promise<void> {
  return new Promise((resolve, reject) => {
    twin.enableTwinDesiredPropertiesUpdates((error) => {
      if (error instanceof Error) reject(error)
      else resolve()
    })
  })
}

/** Waits for the push of this version. */
export async function pushedUntil(pushed: readonly Section[], version: number): Promise<void> {
  await eventually(async () => pushed.some(({ $version }) => $version === version), `no push of version ${version}`)
}

export interface Refusal {
  readonly name: string
  readonly status: number
  readonly code: string
  readonly message: string
}

export async function refused(call: Promise<unknown>): Promise<Refusal> {
  const error = await failure(call)
  assert.ok('response' in error && 'responseBody' in error, String(error.stack))
  const { response, responseBody } = error
  assert.ok(typeof response === 'object' && response !== null && 'statusCode' in response && 'headers' in response)
  const body: unknown = JSON.parse(String(responseBody))
  assert.ok(typeof body === 'object' && body !== null && 'Message' in body)
  return {
    name: error.name,
    status: Number(response.statusCode),
    code: String(new Headers(Object(response.headers)).get('iothub-errorcode')),
    message: String(body.Message),
  }
}

export interface RawAnswer {
  readonly status: number
  readonly etag: string | undefined
  readonly body: Section & { readonly properties: { readonly desired: Section; readonly reported: Section } }
}

export type RawCall = readonly [
  method: 'GET' | 'PUT' | 'PATCH',
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
]

/** What the SDK has no call for: PUT, and bodies that are no JSON. */
export async function raw(
  hub: HubProcess,
  method: 'GET' | 'PUT' | 'PATCH',
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const key = keyOf(await hub.policy('service'))
  const authorization = sas({ resource: 'localhost', key, seconds: 600, policy: 'service' })
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: 'localhost',
        port: HTTPS_PORT,
        method,
        path: `${path}?api-version=2021-04-12`,
        headers: { authorization, 'content-type': 'application/json', ...headers },
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            etag: answer.headers.etag,
            body: JSON.parse(text) as RawAnswer['body'],
          }),
        )
      },
    )
    asked.on('error', reject)
    asked.end(body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body))
  })
}

/** `depth` objects one in the other, with a property in the innermost. */
export function nested(depth: number): Section {
  return depth === 0 ? { property: 'value' } : { level: nested(depth - 1) }
}

/** A section of `bytes` as Azure counts them: keys of four bytes with texts. */
export function sized(bytes: number): Section {
  const section: Section = {}
  for (let at = 0, left = bytes; left > 0; at += 1) {
    const text = Math.min(left - 4, 4_000)
    section[`k${String(at).padStart(3, '0')}`] = 'x'.repeat(text)
    left -= text + 4
  }
  return section
}

export const NEW = { foo: 1, bar: { baz: 2, tweedle: { dee: 3 } } }
