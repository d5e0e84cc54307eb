/**
 * A direct method from a back end to a device and back, beside a request and its answer through mosquitto: two topics, two
 * hops, no identity, no time-out, no status. Both over TLS; ours over HTTPS on the back end's side.
 */

import { readFileSync } from 'node:fs'
import { connectDevices, startBackEnd } from './back-end.ts'
import { deviceId, type FleetCredentials } from './fleet-credentials.ts'
import { mqttPeer } from './mqtt-peer.ts'
import { openLoop, type OpenLoopResult } from './open-loop.ts'
import { mosquitto } from './server.ts'
import type { Row } from './table.ts'

export const METHOD_RATES = [100, 1_000] as const

const DEVICES = 10
/** A fresh Node process compiles what it runs for the first seconds, on both sides of the call. */
const WARM_UP_SECONDS = 5
const PAYLOAD = '{"rpm":1200,"ramp":"smooth"}'
const encoder = new TextEncoder()

export interface MethodRowOptions {
  readonly scratch: string
  readonly credentials: FleetCredentials
  readonly rounds: number
  readonly seconds: number
  readonly progress: (text: string) => void
}

/** Two rows a rate: the middle and the 99th percentile. */
export async function methodRows({
  scratch,
  credentials,
  rounds,
  seconds,
  progress,
}: MethodRowOptions): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const perSecond of METHOD_RATES) {
    const results = new Map<string, OpenLoopResult[]>([
      ['holdfast', []],
      ['mosquitto', []],
    ])
    for (let round = 1; round <= rounds; round += 1) {
      const load = { perSecond, seconds }
      progress(`methods at ${perSecond} calls/s: round ${round} of ${rounds}, holdfast`)
      results.get('holdfast')?.push(await throughHub(scratch, load))
      progress(`methods at ${perSecond} calls/s: round ${round} of ${rounds}, mosquitto`)
      results.get('mosquitto')?.push(await throughBroker(scratch, credentials, load))
    }
    for (const [name, read] of [
      ['p50', (result: OpenLoopResult) => result.p50Ms],
      ['p99', (result: OpenLoopResult) => result.p99Ms],
    ] as const) {
      const values = new Map([...results].map(([server, of]) => [server, of.map(read)]))
      const what = `request and answer at ${perSecond.toLocaleString('en')} calls/s (open loop), ${name}`
      rows.push({ what, unit: 'ms', values, isMoreBetter: false })
    }
  }
  return rows
}

type Load = Parameters<typeof openLoop>[0]

async function throughHub(scratch: string, load: Load): Promise<OpenLoopResult> {
  const backEnd = await startBackEnd(scratch)
  try {
    const devices = await connectDevices(backEnd, DEVICES, { onMethod: (_name, payload) => ({ status: 200, payload }) })
    const body = `{"methodName":"setSpeed","payload":${PAYLOAD},"responseTimeoutInSeconds":30}`
    const call = async (index: number): Promise<void> => {
      const { status, text } = await backEnd.caller.call('POST', `/twins/${deviceId(index % DEVICES)}/methods`, body)
      if (status !== 200) throw new Error(text)
    }
    const result = await measured(load, call)
    for (const device of devices) device.close()
    return result
  } finally {
    await backEnd.stop()
  }
}

async function throughBroker(scratch: string, credentials: FleetCredentials, load: Load): Promise<OpenLoopResult> {
  const server = await mosquitto(credentials).start({ scratch, isMutual: false })
  try {
    const authority = readFileSync(server.authorityFile, 'utf8')
    const { port } = server
    const responders = await Promise.all(
      Array.from({ length: DEVICES }, (_, index) =>
        mqttPeer({
          port,
          authority,
          clientId: deviceId(index),
          filter: `requests/${deviceId(index)}/#`,
          onPublish: ({ topic, payload }, peer) =>
            peer.publish(`answers/${topic.slice(topic.lastIndexOf('/') + 1)}`, Buffer.from(payload)),
        }),
      ),
    )
    const waiting = new Map<string, () => void>()
    const requester = await mqttPeer({
      port,
      authority,
      clientId: 'back-end',
      filter: 'answers/#',
      onPublish: ({ topic }) => {
        const id = topic.slice('answers/'.length)
        waiting.get(id)?.()
        waiting.delete(id)
      },
    })
    const payload = encoder.encode(PAYLOAD)
    let calls = 0
    const call = (index: number): Promise<void> =>
      new Promise((resolve) => {
        const id = String(calls++)
        waiting.set(id, resolve)
        requester.publish(`requests/${deviceId(index % DEVICES)}/${id}`, payload)
      })
    const result = await measured(load, call)
    for (const peer of [...responders, requester]) peer.close()
    return result
  } finally {
    await server.stop()
  }
}

async function measured(load: Load, call: (index: number) => Promise<void>): Promise<OpenLoopResult> {
  await openLoop({ ...load, seconds: WARM_UP_SECONDS }, call)
  const result = await openLoop(load, call)
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.calls} calls failed`)
  return result
}
