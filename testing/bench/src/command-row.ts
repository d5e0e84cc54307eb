/** Messages to devices a second: from a back end that sends them until the device has acknowledged them. */

import { connectDevices, startBackEnd } from './back-end.ts'
import { deviceId } from './fleet-credentials.ts'
import { closedLoop } from './open-loop.ts'
import type { Row } from './table.ts'

const DEVICES = 50
const LANES = 64
const WARM_UP_SECONDS = 1

export async function commandRows(options: {
  readonly scratch: string
  readonly rounds: number
  readonly seconds: number
  readonly progress: (text: string) => void
}): Promise<readonly Row[]> {
  const { scratch, rounds, seconds, progress } = options
  const values: number[] = []
  for (let round = 1; round <= rounds; round += 1) {
    progress(`messages to devices: round ${round} of ${rounds}`)
    const backEnd = await startBackEnd(scratch)
    try {
      const waiting = new Map<string, () => void>()
      const devices = await connectDevices(backEnd, DEVICES, {
        onCommand: (payload) => {
          const id = Buffer.from(payload).toString()
          waiting.get(id)?.()
          waiting.delete(id)
        },
      })
      let counter = 0
      const send = async (lane: number): Promise<void> => {
        const id = String(counter++)
        const arrived = new Promise<void>((resolve) => waiting.set(id, resolve))
        const path = `/api/v1/devices/${deviceId(lane % DEVICES)}/messages`
        const { status, body } = await backEnd.api.call('POST', path, { body: id })
        if (status !== 201) throw new Error(`a message was answered ${status}: ${JSON.stringify(body)}`)
        await arrived
      }
      await closedLoop({ lanes: LANES, seconds: WARM_UP_SECONDS }, send)
      values.push(await closedLoop({ lanes: LANES, seconds }, send))
      for (const device of devices) device.close()
    } finally {
      await backEnd.stop()
    }
  }
  const what = `messages to devices, stored, delivered and acknowledged, ${DEVICES} devices, ${LANES} at once`
  return [{ what, unit: 'messages/s', values: new Map([['holdfast', values]]), isMoreBetter: true }]
}
