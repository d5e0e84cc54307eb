/** Reading one device's hour among many stored messages, through the store's own reader. */

import { randomBytes } from 'node:crypto'
import { timestampOf } from '@holdfast/base'
import { deviceName, fill } from '@holdfast/store/testing'
import { scratchFolder } from './server.ts'

const DEVICES = 1_000
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const PAGE_MESSAGES = 1_000

export async function measureReading(scratch: string, messages: number): Promise<string[]> {
  const lines: string[] = []
  for (const count of [messages / 10, messages]) {
    const from = timestampOf(Date.UTC(2026, 0, 1))
    // The same rate of messages, so that an hour holds the same number and only what lies around it grows.
    const spanMs = DAY_MS * (count / messages) * 10
    const folder = scratchFolder(scratch, 'reading-')
    const begun = performance.now()
    const filled = fill({
      folder,
      messages: count,
      devices: DEVICES,
      key: { epoch: 1, key: randomBytes(32) },
      from,
      spanMs,
    })
    const filledSeconds = (performance.now() - begun) / 1000
    const times: number[] = []
    let read = 0
    for (let round = 0; round < 9; round += 1) {
      const start = timestampOf(Math.floor(from + (spanMs * (round + 1)) / 11))
      const at = performance.now()
      read = 0
      let cursor: string | undefined
      do {
        const page = await filled.history.reader.readDevice({
          deviceId: deviceName((round * 97) % DEVICES),
          from: start,
          to: timestampOf(start + HOUR_MS),
          messagesMax: PAGE_MESSAGES,
          ...(cursor === undefined ? {} : { cursor }),
        })
        read += page.messages.length
        cursor = page.cursor
      } while (cursor !== undefined)
      times.push(performance.now() - at)
    }
    filled.close()
    const middle = times.toSorted((a, b) => a - b)[4] ?? Number.NaN
    lines.push(
      `one device's hour (${read} messages) among ${count.toLocaleString('en')}: ${middle.toFixed(1)} ms ` +
        `(${Math.round(count / filledSeconds).toLocaleString('en')} messages/s sealed, stored and regrouped)`,
    )
  }
  return lines
}
