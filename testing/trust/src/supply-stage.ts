/** A hub with manufacturers, manifests signed by openssl, and devices that are curl with certificates of openssl. */

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { HubApi, HubProcess } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import type { Doors } from './certificate-device.ts'
import { EstClient, type KeyPair, openssl } from './est-client.ts'
import { eventsOf } from './events.ts'
import { ManifestMaker, publicKeyOf, type SignedManifest } from './manifest-maker.ts'

export const skip = requireTool('openssl') || requireTool('curl') || requireTool('mosquitto_sub')
const CLI = join(import.meta.dirname, '../../../apps/cli/src/main.ts')

async function start() {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-claims-'))
  const data = join(root, 'data')
  const process_ = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
  const ready = await process_.ready
  const doors = ready as typeof ready & Doors
  return { root, data, process: process_, doors, api: new HubApi(data), keys: new EstClient(ready) }
}
const hub = skip === false ? await start() : undefined
after(async () => {
  if (hub === undefined) return
  await hub.process.end('SIGTERM')
  rmSync(hub.root, { recursive: true, force: true })
})

export function the() {
  assert.ok(hub !== undefined)
  return hub
}

export type Json = Readonly<Record<string, unknown>>
/** Of what is known to be a text or a number. */
export const text = (value: unknown): string =>
  typeof value === 'number' ? `${value}` : typeof value === 'string' ? value : ''

export async function call(method: string, path: string, body?: object): Promise<{ status: number; body: Json }> {
  const { status, body: answer } = await the().api.call(method, `/api/v1${path}`, body)
  return { status, body: (answer ?? {}) as Json }
}

export async function must(method: string, path: string, body?: object): Promise<Json> {
  const answer = await call(method, path, body)
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

export async function refused(method: string, path: string, body: object | undefined, code: string): Promise<Json> {
  const answer = await call(method, path, body)
  assert.equal(answer.body.code, code, JSON.stringify(answer))
  return answer.body
}

/** `holdfast …`, as an operator types it. */
export function holdfast(...given: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const parameters = ['--disallow-code-generation-from-strings', CLI, ...given, '--data', the().data]
  return new Promise((resolve) => {
    execFile(process.execPath, parameters, { maxBuffer: 64 * 1_048_576 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
}

/** Sends a manifest with curl; its report. */
export function send(
  { file, signature }: SignedManifest,
  manufacturer: string,
): { status: number; lines: readonly Json[] } {
  const body = join(the().root, 'answer')
  const socket = ['--unix-socket', join(the().data, 'hub.sock'), '-H', 'Expect:']
  const header = ['-H', `Holdfast-Signature: ${readFileSync(signature).toString('base64')}`]
  const url = `http://localhost/api/v1/manifests?manufacturer=${manufacturer}`
  const given = ['-sS', '-o', body, '-w', '%{http_code}', ...socket, ...header, '--data-binary', `@${file}`, url]
  const run = spawnSync('curl', given, { encoding: 'utf8', timeout: 120_000 })
  assert.equal(run.status, 0, run.stderr)
  const report = readFileSync(body, 'utf8')
  const lines = report.split('\n').filter((line) => line !== '')
  return { status: Number(run.stdout), lines: lines.map((line) => JSON.parse(line) as Json) }
}

export function outcomes(lines: readonly Json[]): readonly unknown[] {
  return lines
    .filter(({ manifest }) => manifest === undefined)
    .map(({ line, outcome }) => `${text(line)} ${text(outcome)}`)
}

export const MODEL = { manufacturer: 'acme', hardwareRevisions: ['A', 'B'] }
let makers = 0
/** A manufacturer that is trusted, with two models: one that is commissioned and one that is not. */
export async function manufacturer(
  kind?: 'P-256' | 'ed25519' | 'rsa-2048',
): Promise<ManifestMaker & { readonly model: string }> {
  makers += 1
  const name = `acme-${makers}`
  const maker = new ManifestMaker(the().root, name, kind)
  await must('POST', '/manufacturers', { name, publicKey: readFileSync(maker.publicKey, 'utf8') })
  const model = { ...MODEL, manufacturer: name, tier: 'constrained' }
  await must('POST', '/models', {
    ...model,
    id: `${name}-plain`,
    requirements: { commissioning: false, rollingNonce: false },
  })
  await must('POST', '/models', { ...model, id: `${name}-site`, requirements: { rollingNonce: false } })
  return Object.assign(maker, { model: `${name}-plain` })
}

/** A key of openssl and a certificate over it with this common name, signed by itself. */
export function certificateFor(commonName: string, key: string): KeyPair {
  const certificate = the().keys.path('device.pem')
  const subject = ['-subj', `/CN=${commonName}`, '-days', '30']
  openssl([
    'req',
    '-x509',
    '-new',
    '-key',
    key,
    ...subject,
    '-out',
    certificate,
    '-addext',
    'extendedKeyUsage=clientAuth',
  ])
  return { key, certificate }
}

/** Registers by curl until the device is assigned; what the service says in the end, or how it refused. */
export async function provision(id: string, pair: KeyPair): Promise<Json> {
  const { idScope, httpsPort, caFile } = the().doors
  const tls = ['--cacert', caFile, '--cert', pair.certificate, '--key', pair.key]
  const ask = (method: string, path: string, body?: object): Json => {
    const url = `https://localhost:${httpsPort}/${idScope}/registrations/${id}/${path}?api-version=2019-03-31`
    const data = body === undefined ? [] : ['-H', 'content-type: application/json', '-d', JSON.stringify(body)]
    const run = spawnSync('curl', ['-sS', ...tls, '-X', method, ...data, url], { encoding: 'utf8', timeout: 20_000 })
    assert.equal(run.status, 0, run.stderr)
    return JSON.parse(run.stdout) as Json
  }
  const begun = ask('PUT', 'register', { registrationId: id })
  if (begun.operationId === undefined) return begun
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const state = ask('GET', `operations/${text(begun.operationId)}`)
    if (state.status !== 'assigning') return state
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${id} is not assigned in time`)
}

export const told = (type: string, subject: string): readonly Json[] =>
  eventsOf(the().data)
    .filter((event) => event.type === type && event.subject === subject)
    .map(({ detail }) => detail)

let owners = 0
export async function owner(): Promise<string> {
  owners += 1
  const name = `owner-${owners}`
  await must('POST', '/owners', { name })
  return name
}

/** A device of a manifest, claimed and provisioned. */
export async function provisioned(serial: string, site: 'plain' | 'site' = 'plain') {
  const maker = await manufacturer()
  const key = the().keys.newKey()
  send(maker.sign([{ serial, model: `${maker.name}-${site}`, publicKey: publicKeyOf(key) }]), maker.name)
  const name = await owner()
  await must('POST', '/claims', { serial, manufacturer: maker.name, owner: name })
  const pair = certificateFor(serial, key)
  const assigned = await provision(serial, pair)
  assert.equal(assigned.status, 'assigned', JSON.stringify(assigned))
  return { maker, key, pair, owner: name }
}
