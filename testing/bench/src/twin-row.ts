/** Changes of twins a second: what devices report over MQTT, and what a back end desires over REST. */

import { connectDevices, startBackEnd } from './back-end.ts'
import { deviceId } from './fleet-credentials.ts'
import { closedLoop } from './open-loop.ts'
import type { Row } from './table.ts'

const DEVICES = 100
/** Each device has so many reports under way. */
const REPORTS = 2
const SERVICE_LANES = 32
const WARM_UP_SECONDS = 1

export async function twinRows(options: {
  readonly scratch: string
  readonly rounds: number
  readonly seconds: number
  readonly progress: (text: string) => void
}): Promise<readonly Row[]> {
  const { scratch, rounds, seconds, progress } = options
  const reported: number[] = []
  const desired: number[] = []
  for (let round = 1; round <= rounds; round += 1) {
    progress(`twins: round ${round} of ${rounds}`)
    const backEnd = await startBackEnd(scratch)
    try {
      const devices = await connectDevices(backEnd, DEVICES)
      let counter = 0
      const report = async (lane: number): Promise<void> => {
        counter += 1
        const answer = await devices[lane % DEVICES]?.report({ temperature: counter, state: { mode: 'run' } })
        if (answer?.status !== 204) throw new Error(`a report was answered ${String(answer?.status)}: ${answer?.body}`)
        // A front lets 50 requests a second of one connection in, so the devices take turns below that.
        await pause(REPORT_GAP_MS)
      }
      const lanes = DEVICES * REPORTS
      await closedLoop({ lanes, seconds: WARM_UP_SECONDS }, report)
      reported.push(await closedLoop({ lanes, seconds }, report))
      const patch = async (lane: number): Promise<void> => {
        counter += 1
        const body = { properties: { desired: { speed: counter } } }
        const { status, text } = await backEnd.caller.call('PATCH', `/twins/${deviceId(lane % DEVICES)}`, body)
        if (status !== 200) throw new Error(`a patch was answered ${status}: ${text}`)
      }
      await closedLoop({ lanes: SERVICE_LANES, seconds: WARM_UP_SECONDS }, patch)
      desired.push(await closedLoop({ lanes: SERVICE_LANES, seconds }, patch))
      for (const device of devices) device.close()
    } finally {
      await backEnd.stop()
    }
  }
  const row = (what: string, values: readonly number[]): Row => ({
    what,
    unit: 'patches/s',
    values: new Map([['holdfast', values]]),
    isMoreBetter: true,
  })
  return [
    row(`reported patches over MQTT, ${DEVICES} devices`, reported),
    row(`desired patches over REST, ${SERVICE_LANES} at once, each pushed to its device`, desired),
  ]
}

/** Two lanes of a device with this gap stay below what a front lets in of one connection. */
const REPORT_GAP_MS = 45

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })
}
