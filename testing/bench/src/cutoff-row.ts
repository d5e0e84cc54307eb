/**
 * Cutting off at 1,000 live sessions, mutual TLS: from the moment in which the management API is asked to the end of the
 * last socket that had to go, as the devices see it. One device disabled, one certificate revoked by its CA's list, and
 * a whole authority removed with everything below it.
 */

import { readFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { instantOf, timestampOf } from '@holdfast/base'
import { ClientConnection } from '@holdfast/mqtt'
import { DEVICE_CERTIFICATE, encodePem, issueCrl, ROOT_AUTHORITY } from '@holdfast/pki'
import { type Issued, issue } from '@holdfast/pki/testing'
import { deviceId } from './fleet-credentials.ts'
import { callHub, eachOf, type HoldfastServer, startHoldfast } from './holdfast-server.ts'
import { median } from './median.ts'
import type { Row } from './table.ts'

export const CUTOFF_SESSIONS = 1_000
/** Of one device each, in one round. */
const SINGLE_CUTS = 20
const DAY_MS = 86_400_000

interface CutoffRowOptions {
  readonly scratch: string
  readonly rounds: number
  readonly progress: (text: string) => void
}

interface CutoffResult {
  readonly deviceMs: number
  readonly listMs: number
  readonly authorityMs: number
}

interface LiveSession {
  readonly socket: TLSSocket
  /** Resolves with the moment in which the socket is closed. */
  readonly closed: Promise<number>
}

export async function cutoffRows({ scratch, rounds, progress }: CutoffRowOptions): Promise<readonly Row[]> {
  progress(`making ${CUTOFF_SESSIONS} device certificates`)
  const now = timestampOf(Math.floor(Date.now() / 1000) * 1000)
  const authority = await issue({ profile: ROOT_AUTHORITY, commonName: 'Bench root', now })
  const devices: Issued[] = []
  for (let index = 0; index < CUTOFF_SESSIONS; index += 1) {
    devices.push(await issue({ profile: DEVICE_CERTIFICATE, commonName: deviceId(index), issuer: authority, now }))
  }
  const results: CutoffResult[] = []
  for (let round = 1; round <= rounds; round += 1) {
    progress(`cutting off: round ${round} of ${rounds}`)
    results.push(await measure(scratch, authority, devices))
  }
  const row = (what: string, read: (result: CutoffResult) => number): Row => ({
    what: `${what}, ${CUTOFF_SESSIONS.toLocaleString('en')} sessions live, request to last closed socket`,
    unit: 'ms',
    values: new Map([['holdfast', results.map(read)]]),
    isMoreBetter: false,
  })
  return [
    row('one device disabled', (result) => result.deviceMs),
    row("one certificate on its CA's revocation list", (result) => result.listMs),
    row('an authority removed, with every session below it', (result) => result.authorityMs),
  ]
}

async function measure(scratch: string, authority: Issued, devices: readonly Issued[]): Promise<CutoffResult> {
  const server = await startHoldfast(scratch)
  try {
    await trust(server, authority)
    await eachOf(devices.length, (index) =>
      callHub(server.data, 'POST', '/api/v1/devices', { deviceId: deviceId(index), auth: 'x509-ca' }),
    )
    const root = readFileSync(server.authorityFile, 'utf8')
    const sessions: LiveSession[] = []
    await eachOf(devices.length, async (index) => {
      const device = devices[index]
      if (device !== undefined) sessions[index] = await open(server, root, deviceId(index), device)
    })
    const singles: number[] = []
    for (let index = 0; index < SINGLE_CUTS; index += 1) {
      const path = `/api/v1/devices/${deviceId(index)}`
      singles.push(
        await timed(sessions.slice(index, index + 1), () =>
          callHub(server.data, 'PATCH', path, { status: 'disabled' }),
        ),
      )
    }
    const [revoked, left] = [sessions.slice(SINGLE_CUTS, SINGLE_CUTS + 1), sessions.slice(SINGLE_CUTS + 1)]
    const list = Buffer.from(await listOf(authority, devices.slice(SINGLE_CUTS, SINGLE_CUTS + 1))).toString('base64')
    const listMs = await timed(revoked, () => callHub(server.data, 'POST', '/api/v1/authorities/bench/crls', { list }))
    if (left.some(({ socket }) => socket.destroyed)) throw new Error('a session ended that nobody cut off')
    const authorityMs = await timed(left, () => callHub(server.data, 'DELETE', '/api/v1/authorities/bench'))
    return { deviceMs: median(singles), listMs, authorityMs }
  } finally {
    await server.stop()
  }
}

/** Milliseconds from the call to the end of the last of the sessions. */
async function timed(sessions: readonly LiveSession[], call: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  const [, ...ends] = await Promise.all([call(), ...sessions.map(({ closed }) => closed)])
  return Math.max(...ends) - begun
}

async function trust({ data }: HoldfastServer, authority: Issued): Promise<void> {
  const certificate = encodePem('CERTIFICATE', authority.certificate.der)
  const added = (await callHub(data, 'POST', '/api/v1/authorities', { name: 'bench', certificate })) as {
    nonce: string
  }
  const now = timestampOf(Math.floor(Date.now() / 1000) * 1000)
  const proof = await issue({ profile: DEVICE_CERTIFICATE, commonName: added.nonce, issuer: authority, now })
  const proved = { certificate: encodePem('CERTIFICATE', proof.certificate.der) }
  await callHub(data, 'POST', '/api/v1/authorities/bench/verify', proved)
}

function listOf({ certificate, signer }: Issued, revoked: readonly Issued[]): Promise<Uint8Array> {
  const now = timestampOf(Math.floor(Date.now() / 1000) * 1000)
  const entries = revoked.map((one) => ({ serialNumber: one.certificate.serialNumber, revokedAt: now }))
  const nextUpdate = timestampOf(now + DAY_MS)
  return issueCrl({ issuer: certificate, signer, number: 1n, thisUpdate: now, nextUpdate, entries })
}

function open(server: HoldfastServer, ca: string, id: string, { certificate, signer }: Issued): Promise<LiveSession> {
  const cert = encodePem('CERTIFICATE', certificate.der)
  const key = signer.privateKey.export({ format: 'pem', type: 'pkcs8' })
  const socket = connect({ host: '127.0.0.1', port: server.port, servername: 'localhost', ca, cert, key })
  socket.setNoDelay(true)
  const closed = new Promise<number>((resolve) => socket.once('close', () => resolve(performance.now())))
  return new Promise((resolve, reject) => {
    const failed = (): void => reject(new Error(`${id} was not let in`))
    socket.on('error', failed)
    socket.once('close', failed)
    socket.once('secureConnect', () => {
      const connection: ClientConnection = new ClientConnection(
        now(),
        { clientId: id, cleanSession: true, keepAliveSeconds: 0, username: `localhost/${id}/?api-version=2021-04-12` },
        {
          send: (bytes) => void socket.write(bytes),
          onOpen: () => resolve({ socket, closed }),
          onPublish: () => undefined,
          onPuback: () => undefined,
          onSuback: () => undefined,
          onUnsuback: () => undefined,
          onClose: failed,
        },
      )
      socket.on('data', (bytes: Buffer) => connection.receive(bytes, now()))
    })
  })
}

function now(): ReturnType<typeof instantOf> {
  return instantOf(performance.now())
}
