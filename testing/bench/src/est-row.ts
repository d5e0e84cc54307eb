/**
 * Renewals over EST (simplereenroll) a second, each device on a TLS connection of its own that it keeps, with a client
 * certificate: a request is verified, a certificate signed and read back, two records written. Beside it the floor: one
 * signature and two verifications of P-256, which each renewal cannot do without, on one processor.
 */

import { createPrivateKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { createCertificationRequest, encodePem, parseCertificate } from '@holdfast/pki'
import { type MemorySigner, signerOf } from '@holdfast/pki/testing'
import { formatSasToken } from '@holdfast/tokens'
import { deviceId } from './fleet-credentials.ts'
import { callHub, eachOf, type HoldfastServer, startHoldfast } from './holdfast-server.ts'
import { cpuSeconds } from './process-cost.ts'
import type { Row } from './table.ts'

/** One each enrols once, and renews so often: the hub lets a device do ten at once, and all together two thousand. */
const DEVICES = 200
const WARM_UPS = 2
const RENEWALS = 6
const IN_FLIGHT = 32
const FLOOR_MS = 1_000

interface EstRowOptions {
  readonly scratch: string
  readonly rounds: number
  readonly progress: (text: string) => void
}

interface EstResult {
  readonly perSecond: number
  readonly hubMs: number
  readonly floorPerSecond: number
}

interface EnrolledDevice {
  readonly agent: Agent
  /** Base64 of DER. */
  readonly request: string
}

export async function estRows({ scratch, rounds, progress }: EstRowOptions): Promise<readonly Row[]> {
  const results: EstResult[] = []
  for (let round = 1; round <= rounds; round += 1) {
    progress(`EST renewals: round ${round} of ${rounds}`)
    results.push(await measure(scratch))
  }
  const of = (read: (result: EstResult) => number): readonly number[] => results.map(read)
  return [
    {
      what: `EST simplereenroll, P-256, ${DEVICES} devices on kept TLS connections, ${IN_FLIGHT} requests at once`,
      unit: 'certificates/s',
      values: new Map([
        ['holdfast', of((result) => result.perSecond)],
        ['floor', of((result) => result.floorPerSecond)],
      ]),
      isMoreBetter: true,
    },
    {
      what: 'The same, processor time of the hub with all its threads',
      unit: 'ms/certificate',
      values: new Map([
        ['holdfast', of((result) => result.hubMs)],
        ['floor', of((result) => 1_000 / result.floorPerSecond)],
      ]),
      isMoreBetter: false,
    },
  ]
}

async function measure(scratch: string): Promise<EstResult> {
  const floorPerSecond = floor()
  const server = await startHoldfast(scratch)
  try {
    const devices: EnrolledDevice[] = []
    await eachOf(DEVICES, async (index) => {
      devices.push(await enrol(server, deviceId(index)))
    })
    const renewAll = (times: number): Promise<void> => lanes(devices, times, (device) => renew(server, device))
    await renewAll(WARM_UPS)
    const [cpu, begun] = [cpuSeconds(server.pid), performance.now()]
    await renewAll(RENEWALS)
    const seconds = (performance.now() - begun) / 1000
    const count = DEVICES * RENEWALS
    const hubMs = ((cpuSeconds(server.pid) - cpu) * 1000) / count
    for (const { agent } of devices) agent.destroy()
    return { perSecond: count / seconds, hubMs, floorPerSecond }
  } finally {
    await server.stop()
  }
}

/** Each device once, then each once more: a device asks one thing at a time. */
async function lanes<T>(items: readonly T[], times: number, work: (item: T) => Promise<unknown>): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    let next = 0
    const lane = async (): Promise<void> => {
      for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  }
}

async function enrol(server: HoldfastServer, id: string): Promise<EnrolledDevice> {
  await callHub(server.data, 'POST', '/api/v1/devices', { deviceId: id })
  const found = await callHub(server.data, 'GET', `/api/v1/devices/${id}/connection-string`)
  const key = /SharedAccessKey=([^";]+)/.exec(JSON.stringify(found))?.[1] ?? ''
  const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
  const authorization = formatSasToken({ resource: `localhost/devices/${id}`, key, expirySeconds })
  const signer: MemorySigner = signerOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'ecdsa-sha256')
  const csr = Buffer.from(await createCertificationRequest({ commonName: id }, signer)).toString('base64')
  const answer = await ask(server, { operation: 'simpleenroll', request: csr, headers: { authorization } })
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 1,
    ca: readFileSync(server.authorityFile),
    cert: encodePem('CERTIFICATE', leafOf(Buffer.from(answer, 'base64'))),
    key: createPrivateKey({ key: signer.privateKey.export({ format: 'pem', type: 'pkcs8' }) }).export({
      format: 'pem',
      type: 'pkcs8',
    }),
  })
  return { agent, request: csr }
}

function renew(server: HoldfastServer, { agent, request: csr }: EnrolledDevice): Promise<string> {
  return ask(server, { operation: 'simplereenroll', request: csr, agent })
}

function ask(
  server: HoldfastServer,
  wish: {
    readonly operation: string
    readonly request: string
    readonly headers?: Readonly<Record<string, string>>
    readonly agent?: Agent
  },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port: server.httpsPort,
        method: 'POST',
        path: `/.well-known/est/${wish.operation}`,
        agent: wish.agent ?? false,
        ...(wish.agent === undefined ? { ca: readFileSync(server.authorityFile) } : {}),
        headers: { host: 'localhost', 'content-type': 'application/pkcs10', ...wish.headers },
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(text)
          else reject(new Error(`${wish.operation}: ${answer.statusCode} ${text}`))
        })
      },
    )
    call.once('error', reject)
    call.end(wish.request)
  })
}

/** The one certificate of a bundle: the only SEQUENCE in it that reads as one. */
function leafOf(bundle: Buffer): Uint8Array {
  for (let at = 20; at < bundle.length - 4; at += 1) {
    if (bundle[at] !== 0x30 || bundle[at + 1] !== 0x82) continue
    const der = new Uint8Array(bundle.subarray(at, at + 4 + bundle.readUInt16BE(at + 2)))
    try {
      return parseCertificate(der).der
    } catch {
      // The envelope around it.
    }
  }
  throw new Error('there is no certificate in the answer')
}

/** How often a second one processor does what each renewal cannot do without. */
function floor(): number {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const bytes = Buffer.alloc(500, 1)
  const until = performance.now() + FLOOR_MS
  let count = 0
  for (; performance.now() < until; count += 1) {
    const signature = sign('sha256', bytes, privateKey)
    for (let checks = 0; checks < 2; checks += 1) verify('sha256', bytes, publicKey, signature)
  }
  return (count * 1_000) / FLOOR_MS
}
