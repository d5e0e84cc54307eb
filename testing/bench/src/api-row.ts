/**
 * Latency of `/api/v1` over HTTPS at a steady rate, on kept connections: three reads of a device, then a change of one, which
 * is on disk with its event before it is answered. Beside it a bare `node:https` server that answers the same bytes.
 */

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { fileURLToPath } from 'node:url'
import { ServiceCaller } from '@holdfast/testing-hub'
import { startBackEnd } from './back-end.ts'
import { deviceId, type FleetCredentials } from './fleet-credentials.ts'
import { eachOf } from './holdfast-server.ts'
import { openLoop, type OpenLoopResult } from './open-loop.ts'
import { freePort, scratchFolder, started } from './server.ts'
import type { Row } from './table.ts'

const DEVICES = 200
const PER_SECOND = 200
const CONNECTIONS_MAX = 64
/** A fresh Node process compiles what it runs for the first seconds, on both sides of the call. */
const WARM_UP_SECONDS = 5

interface ApiRowOptions {
  readonly scratch: string
  readonly credentials: FleetCredentials
  readonly rounds: number
  readonly seconds: number
  readonly progress: (text: string) => void
}

export async function apiRows({
  scratch,
  credentials,
  rounds,
  seconds,
  progress,
}: ApiRowOptions): Promise<readonly Row[]> {
  const ours: OpenLoopResult[] = []
  const bare: OpenLoopResult[] = []
  for (let round = 1; round <= rounds; round += 1) {
    progress(`API: round ${round} of ${rounds}, holdfast`)
    const { result, answer } = await throughHub(scratch, seconds)
    ours.push(result)
    progress(`API: round ${round} of ${rounds}, bare node:https`)
    bare.push(await throughBareServer({ scratch, credentials, seconds, answer }))
  }
  return (['p50Ms', 'p99Ms'] as const).map((name) => ({
    what: `/api/v1 at ${PER_SECOND} requests/s (open loop), three reads to a change, ${name.slice(0, 3)}`,
    unit: 'ms',
    values: new Map([
      ['holdfast', ours.map((result) => result[name])],
      ['node:https', bare.map((result) => result[name])],
    ]),
    isMoreBetter: false,
  }))
}

async function throughHub(
  scratch: string,
  seconds: number,
): Promise<{ readonly result: OpenLoopResult; readonly answer: string }> {
  const backEnd = await startBackEnd(scratch)
  try {
    const { api, caller } = backEnd
    await eachOf(DEVICES, (index) => api.call('POST', '/api/v1/devices', { deviceId: deviceId(index), auth: 'sas' }))
    let answer = ''
    const result = await measured(seconds, async (index) => {
      const path = `/api/v1/devices/${deviceId(index % DEVICES)}`
      const isChange = index % 4 === 3
      const body = isChange ? { statusReason: `for ${index}` } : undefined
      const { status, text } = await caller.call(isChange ? 'PATCH' : 'GET', path, body)
      if (status !== 200) throw new Error(text)
      answer = text
    })
    return { result, answer }
  } finally {
    await backEnd.stop()
  }
}

async function throughBareServer({
  scratch,
  credentials,
  seconds,
  answer,
}: Pick<ApiRowOptions, 'scratch' | 'credentials' | 'seconds'> & { readonly answer: string }): Promise<OpenLoopResult> {
  const port = await freePort()
  const { serverKeyFile, serverCertificateFile, authorityFile } = credentials
  const args = [fileURLToPath(import.meta.url), String(port), serverKeyFile, serverCertificateFile, answer]
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  const server = await started(child, port, authorityFile, scratchFolder(scratch, 'bare-https-'))
  const caller = new ServiceCaller({
    hostname: 'localhost',
    httpsPort: port,
    authority: readFileSync(authorityFile, 'utf8'),
    policy: 'none',
    // Nobody looks at it there.
    key: Buffer.alloc(32).toString('base64'),
    connectionsMax: CONNECTIONS_MAX,
  })
  try {
    return await measured(seconds, async (index) => {
      const body = index % 4 === 3 ? { statusReason: `for ${index}` } : undefined
      await caller.call(body === undefined ? 'GET' : 'PATCH', '/api/v1/devices/x', body)
    })
  } finally {
    caller.close()
    await server.stop()
  }
}

async function measured(seconds: number, call: (index: number) => Promise<void>): Promise<OpenLoopResult> {
  await openLoop({ perSecond: PER_SECOND, seconds: WARM_UP_SECONDS }, call)
  const result = await openLoop({ perSecond: PER_SECOND, seconds }, call)
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.calls} requests failed`)
  return result
}

function serve([port, keyFile, certificateFile, answer]: readonly [string, string, string, string]): void {
  const options = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) }
  createServer(options, (request, response) => {
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    })
  }).listen(Number(port), '127.0.0.1')
}

const [, entry, port, keyFile, certificateFile, answer] = process.argv
if (
  entry === fileURLToPath(import.meta.url) &&
  port !== undefined &&
  keyFile !== undefined &&
  certificateFile !== undefined
) {
  serve([port, keyFile, certificateFile, answer ?? ''])
}
