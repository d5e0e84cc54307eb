import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { timestampOf } from '@holdfast/base'
import { fill, deviceName } from '../testing/fill.ts'
const n = Number(process.argv[2]),
  d = Number(process.argv[3]),
  span = Number(process.argv[4] ?? 12 * 3600_000)
const folder = mkdtempSync('/work/.lab-')
const key = { epoch: 7, key: new Uint8Array(32).fill(3) }
const from = timestampOf(1.7e12)
try {
  let t = performance.now()
  const f = fill({ folder, messages: n, devices: d, key, from, spanMs: span })
  console.log('filled', Math.round((n / (performance.now() - t)) * 1000), 'msg/s')
  console.log(f.history.statistics())
  for (let i = 0; i < 3; i++) {
    const s0 = f.history.statistics()
    t = performance.now()
    let got = 0,
      cursor: string | undefined,
      calls = 0
    do {
      const a = await f.history.reader.readDevice({
        deviceId: deviceName(5 + i),
        from: timestampOf(from + span / 2),
        to: timestampOf(from + span / 2 + 3600_000),
        messagesMax: 10000,
        ...(cursor === undefined ? {} : { cursor }),
      })
      got += a.messages.length
      cursor = a.cursor
      calls++
    } while (cursor !== undefined)
    const s1 = f.history.statistics()
    console.log(
      'hour',
      got,
      'msgs',
      (performance.now() - t).toFixed(1),
      'ms pages',
      s1.pagesOpened - s0.pagesOpened,
      'batches',
      s1.batchesOpened - s0.batchesOpened,
      'calls',
      calls,
    )
  }
  t = performance.now()
  let seq = 0,
    c = 0
  for (;;) {
    const a = await f.history.reader.readPartition({
      partition: 0,
      position: { kind: 'sequence', from: seq },
      messagesMax: 1000,
    })
    for (const m of a.messages) {
      if (m.sequenceNumber !== seq) throw new Error('gap ' + seq + ' ' + m.sequenceNumber)
      seq++
      c++
    }
    if (a.atEnd) break
  }
  console.log('partition read', c, Math.round((c / (performance.now() - t)) * 1000), 'msg/s')
  console.log(await f.history.reader.partitions())
  t = performance.now()
  const v = await f.history.verify()
  console.log('verify', v, (performance.now() - t).toFixed(0))
  console.log(
    'bytes',
    statSync(folder + '/log.db').size / 1e6,
    statSync(folder + '/history.db').size / 1e6,
    'per msg',
    statSync(folder + '/history.db').size / n,
  )
  f.close()
} finally {
  rmSync(folder, { recursive: true })
}
