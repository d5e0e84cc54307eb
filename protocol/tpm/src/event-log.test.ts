import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { TpmError } from './errors.ts'
import type { TpmErrorCode } from './errors.ts'
import { EVENT_LOG_BYTES_MAX, EVENTS_MAX } from './event-limits.ts'
import { decodeEventLog } from './event-log.ts'
import { initialPcr, isDataAsMeasured, replayEvents } from './event-replay.ts'
import { EV_NO_ACTION, eventTypeName } from './event-types.ts'
import { eventBytes, specIdEvent, writeEventLog, writeSha1EventLog } from './testing/event-log-writer.ts'
import type { WrittenEvent } from './testing/event-log-writer.ts'

const BANKS = ['sha1', 'sha256', 'sha384'] as const
const SEPARATOR = 0x0000_0004
const APPLICATION = 0x8000_0003

const text = (words: string): Uint8Array => Buffer.from(words)
const BOOT: readonly WrittenEvent[] = [
  { pcr: 0, type: 0x0000_0008, data: text('1\0.\x002\0\0\0') },
  { pcr: 0, type: 0x0000_0001, data: text('ROM'), measured: text('firmware code') },
  { pcr: 7, type: SEPARATOR, data: new Uint8Array(4) },
  { pcr: 4, type: SEPARATOR, data: new Uint8Array(4) },
  { pcr: 4, type: 0x0000_000d, data: text('path of loader'), measured: text('loader 2.4') },
  { pcr: 4, type: 0x0000_000d, data: text('path of kernel'), measured: text('kernel 6.1') },
]

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')
const refused = (code: TpmErrorCode) => (error: unknown) => error instanceof TpmError && error.code === code

test('an event has its place, PCR, type, digests and data', () => {
  const log = decodeEventLog(writeEventLog(BANKS, BOOT))
  assert.deepEqual(log.banks, BANKS)
  assert.equal(log.startupLocality, 0)
  assert.equal(log.events.length, 7)
  const loader = log.events[5]
  assert.equal(loader?.index, 5)
  assert.equal(loader?.pcr, 4)
  assert.equal(eventTypeName(loader?.type ?? 0), 'EV_IPL')
  assert.equal(hex(loader?.data), hex(text('path of loader')))
  assert.equal(loader?.digests.get('sha384')?.length, 48)
})

test('a replay gives what tpm2_eventlog gives, in every bank', { skip: requireTool('tpm2_eventlog') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-log-'))
  try {
    for (const [name, bytes, banks] of [
      ['agile', writeEventLog(BANKS, BOOT), BANKS],
      ['legacy', writeSha1EventLog(BOOT), ['sha1'] as const],
    ] as const) {
      const file = join(folder, name)
      writeFileSync(file, bytes)
      const theirs = pcrsOf(execFileSync('tpm2_eventlog', [file], { encoding: 'utf8' }))
      const log = decodeEventLog(bytes)
      for (const bank of banks) {
        for (const [pcr, value] of replayEvents(log, bank, [0, 4, 7])) {
          assert.equal(hex(value), theirs.get(`${bank} ${pcr}`), `${name} ${bank} ${pcr}`)
        }
      }
      assert.equal(theirs.size, 3 * banks.length)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** `pcrs:` of the tool's YAML: two levels, `sha256:` and `  0  : 0x…`. */
function pcrsOf(yaml: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let bank = ''
  for (const line of yaml.slice(yaml.indexOf('\npcrs:')).split('\n')) {
    bank = /^ {2}(\w+):/.exec(line)?.[1] ?? bank
    const [, pcr, value] = /^ +(\d+) *: 0x([0-9a-f]+)$/.exec(line) ?? []
    if (pcr !== undefined && value !== undefined) values.set(`${bank} ${pcr}`, value)
  }
  return values
}

test('a start from locality 3 or 4 stands in PCR 0 before the first event (§10.4.5.3)', () => {
  for (const locality of [3, 4]) {
    const data = Buffer.concat([text('StartupLocality\0'), Uint8Array.of(locality)])
    const log = decodeEventLog(writeEventLog(['sha256'], [{ pcr: 0, type: EV_NO_ACTION, data }]))
    assert.equal(log.startupLocality, locality)
    assert.equal(hex(replayEvents(log, 'sha256', [0]).get(0)), `${'00'.repeat(31)}0${locality}`)
  }
  const data = Buffer.concat([text('StartupLocality\0'), Uint8Array.of(9)])
  const bytes = writeEventLog(['sha256'], [{ pcr: 0, type: EV_NO_ACTION, data }])
  assert.throws(() => decodeEventLog(bytes), refused('malformed'))
})

test('PCRs of a dynamic launch begin with ones, the others with zeros', () => {
  assert.equal(hex(initialPcr(16, 'sha1')), '00'.repeat(20))
  assert.equal(hex(initialPcr(17, 'sha1')), 'ff'.repeat(20))
  assert.equal(hex(initialPcr(22, 'sha256')), 'ff'.repeat(32))
  assert.equal(hex(initialPcr(23, 'sha256')), '00'.repeat(32))
})

test('an event without measurement extends nothing', () => {
  const remark: WrittenEvent = { pcr: 4, type: EV_NO_ACTION, data: text('remark') }
  const one = decodeEventLog(writeEventLog(['sha256'], BOOT))
  const two = decodeEventLog(writeEventLog(['sha256'], [remark, ...BOOT, remark]))
  assert.deepEqual(replayEvents(one, 'sha256', [4]), replayEvents(two, 'sha256', [4]))
})

test('data of a separator that was not measured is found; that of a loader is a remark', () => {
  const events: readonly WrittenEvent[] = [
    { pcr: 7, type: SEPARATOR, data: text('ffff'), measured: new Uint8Array(4) },
    { pcr: 4, type: APPLICATION, data: text('a name'), measured: text('an image') },
  ]
  const log = decodeEventLog(writeEventLog(['sha256'], events))
  assert.deepEqual(
    log.events.map((event) => isDataAsMeasured(event, 'sha256')),
    [true, false, true],
  )
})

test('a log cut short anywhere but between two events is refused', () => {
  const bytes = writeEventLog(['sha256'], BOOT)
  let whole = 0
  for (let length = 0; length < bytes.length; length += 1) {
    try {
      decodeEventLog(bytes.subarray(0, length))
      whole += 1
    } catch (error) {
      assert.ok(error instanceof TpmError, `${String(error)} at ${length}`)
      assert.equal(error.code, 'truncated')
    }
  }
  // After the header and each event but the last: those a replay must find (it does not give what was quoted).
  assert.equal(whole, BOOT.length)
})

test('an event must be measured with every hash of the header, once each', () => {
  const event = BOOT[1] ?? assert.fail()
  const header = specIdEvent(['sha1', 'sha256'])
  for (const banks of [['sha256'], ['sha256', 'sha256'], ['sha1', 'sha384'], ['sha1', 'sha256', 'sha384']] as const) {
    assert.throws(() => decodeEventLog(Buffer.concat([header, eventBytes(banks, event)])), refused('malformed'))
  }
  assert.equal(decodeEventLog(Buffer.concat([header, eventBytes(['sha256', 'sha1'], event)])).events.length, 2)
})

test('a header that names a hash twice, gives it another size, or has bytes left over is refused', () => {
  const twice = Buffer.from(specIdEvent(['sha256', 'sha256']))
  assert.throws(() => decodeEventLog(twice), refused('malformed'))
  const header = Buffer.from(specIdEvent(['sha256']))
  const sizeAt = 32 + 16 + 4 + 4 + 4 + 2
  const shorter = Buffer.from(header)
  shorter[sizeAt] = 31
  assert.throws(() => decodeEventLog(shorter), refused('malformed'))
  const longer = Buffer.concat([header, Uint8Array.of(0)])
  longer[28] = (longer[28] ?? 0) + 1
  assert.throws(() => decodeEventLog(longer), refused('trailing'))
  const noneKnown = Buffer.from(header)
  noneKnown[sizeAt - 2] = 0x27
  assert.throws(() => decodeEventLog(noneKnown), refused('unsupported'))
})

test('there are 24 PCRs', () => {
  assert.throws(
    () => decodeEventLog(writeEventLog(['sha256'], [{ pcr: 24, type: 1, data: text('x') }])),
    refused('malformed'),
  )
})

test('a log is bounded in bytes and events', () => {
  assert.throws(() => decodeEventLog(new Uint8Array(EVENT_LOG_BYTES_MAX + 1)), refused('too-large'))
  const small = { pcr: 0, type: 1, data: new Uint8Array(0) }
  const most = Array.from({ length: EVENTS_MAX - 1 }, () => small)
  assert.equal(decodeEventLog(writeEventLog(['sha1'], most)).events.length, EVENTS_MAX)
  assert.throws(() => decodeEventLog(writeEventLog(['sha1'], [...most, small])), refused('too-large'))
  // A length that says more than there is costs nothing.
  const lying = Buffer.from(writeEventLog(['sha1'], [small]))
  lying.writeUInt32LE(0xffff_ffff, lying.length - 4)
  assert.throws(() => decodeEventLog(lying), refused('truncated'))
})
