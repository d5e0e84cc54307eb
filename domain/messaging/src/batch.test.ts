import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { BatchBuilder, openBatch, openBatchBytes, recordSpans } from './batch.ts'
import { MessagingError } from './errors.ts'
import { BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, RECORD_BYTES_MAX } from './limits.ts'
import { decodePage, encodePage, openPage, sealPage } from './page.ts'
import { decodeRecord, encodePrefix, FLAG_RETAINED, FLAG_WILL, recordDevice, recordEnd, writeRecord } from './record.ts'
import type { StoredBatch } from './sealed-batch.ts'
import { SealingKey, type SealingPurpose } from './sealing.ts'

const KEY = new Uint8Array(32).fill(7)
const keyForEpoch = (epoch: number): Uint8Array | undefined => (epoch === 3 ? KEY : undefined)
const AUTH = JSON.stringify({ scope: 'device', type: 'sas', issuer: 'iothub', acceptingIpFilterRule: null })
const NOW = timestampOf(1_795_000_000_123)
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

function sealingKey(purpose: SealingPurpose = 'telemetry batch', salt = 1): SealingKey {
  return new SealingKey({ epoch: 3, key: KEY, salt: new Uint8Array(16).fill(salt), purpose })
}

function record(index: number, more: { flags?: number; time?: number } = {}) {
  return {
    prefix: encodePrefix({ deviceId: `pump-${index % 3}`, generationId: 'g1', authMethod: AUTH }),
    enqueued: timestampOf(more.time ?? NOW + index),
    flags: more.flags ?? 0,
    bag: text(index % 2 === 0 ? '' : 'a=b&%24.ct=text'),
    body: text(`body ${index}`),
  }
}

function sealed(count: number, key = sealingKey()): StoredBatch {
  const builder = new BatchBuilder(2)
  for (let i = 0; i < count; i++) builder.append(record(i))
  return { ...builder.seal(key), firstSequence: 1_000, firstOffset: 50_000 }
}

function isDamaged(error: unknown): boolean {
  return error instanceof MessagingError && error.code === 'damaged'
}

describe('records', () => {
  const prefix = encodePrefix({
    deviceId: 'pumpe-ü',
    moduleId: 'filter',
    generationId: '17',
    authMethod: '{"scope":"of a kind we do not know"}',
    modelId: 'dtmi:com:example:Pump;1',
  })
  const whole = new Uint8Array(400)
  const end = writeRecord(whole, 0, {
    prefix,
    enqueued: NOW,
    flags: FLAG_WILL | FLAG_RETAINED,
    bag: text('k=%C3%BC'),
    body: Uint8Array.of(0, 255, 1),
  })
  const bytes = whole.slice(0, end)
  const place = { partition: 1, sequenceNumber: 5, offset: 9 }

  it('decode to what was written', () => {
    assert.equal(recordEnd(bytes, 0), bytes.length)
    assert.equal(recordDevice(bytes, 0, bytes.length), 'pumpe-ü')
    assert.deepEqual(decodeRecord(bytes, { at: 0, end: bytes.length }, place), {
      ...place,
      enqueuedTime: NOW,
      deviceId: 'pumpe-ü',
      moduleId: 'filter',
      generationId: '17',
      authMethod: '{"scope":"of a kind we do not know"}',
      modelId: 'dtmi:com:example:Pump;1',
      bag: 'k=%C3%BC',
      isWill: true,
      isRetained: true,
      body: Uint8Array.of(0, 255, 1),
    })
  })

  it('are damaged when cut anywhere, and never read outside their bounds', () => {
    for (let cut = 0; cut < bytes.length; cut++) {
      assert.throws(() => recordEnd(bytes.subarray(0, cut), 0), isDamaged)
      if (cut < bytes.length - 3) assert.throws(() => decodeRecord(bytes, { at: 0, end: cut }, place), isDamaged)
    }
  })

  it('are damaged or another record when a bit flips, nothing else', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      try {
        decodeRecord(changed, { at: 0, end: recordEnd(changed, 0) }, place)
      } catch (error) {
        assert.ok(isDamaged(error))
      }
    }
  })

  it('refuse a second encoding of a known authentication method', () => {
    const known = encodePrefix({ deviceId: 'd', generationId: 'g', authMethod: AUTH })
    const spelled = new Uint8Array(known.length + 2 + AUTH.length)
    spelled.set(known.subarray(0, 5))
    spelled.set([0, 0, AUTH.length], 5)
    spelled.set(text(AUTH), 8)
    const at = new Uint8Array(300)
    const stop = writeRecord(at, 0, { prefix: spelled, enqueued: NOW, flags: 0, bag: text(''), body: text('') })
    assert.throws(() => decodeRecord(at, { at: 0, end: stop }, place), isDamaged)
  })
})

describe('a sealed batch', () => {
  it('opens to its messages, with sequence numbers and offsets counted from its place', () => {
    const batch = sealed(5)
    const messages = openBatch(batch, keyForEpoch)
    assert.deepEqual(
      messages.map(({ sequenceNumber, deviceId, body }) => [sequenceNumber, deviceId, new TextDecoder().decode(body)]),
      [0, 1, 2, 3, 4].map((i) => [1_000 + i, `pump-${i % 3}`, `body ${i}`]),
    )
    const spans = recordSpans(openBatchBytes(batch, keyForEpoch), batch)
    assert.deepEqual(
      messages.map(({ offset }) => offset),
      spans.map(({ at }) => 50_000 + at),
    )
    assert.equal(batch.earliest, NOW)
    assert.equal(batch.latest, NOW + 4)
    assert.equal(spans.at(-1)?.end, batch.plainBytes)
  })

  it('takes times that step back', () => {
    const builder = new BatchBuilder(0)
    builder.append(record(0, { time: NOW }))
    builder.append(record(1, { time: NOW - 5_000 }))
    const batch = { ...builder.seal(sealingKey()), firstSequence: 0, firstOffset: 0 }
    assert.deepEqual([batch.earliest, batch.latest], [NOW - 5_000, NOW])
    assert.equal(openBatch(batch, keyForEpoch).length, 2)
  })

  it('owns its buffer, so that it can be transferred', () => {
    const { sealed: bytes } = sealed(1)
    assert.equal(bytes.byteOffset, 0)
    assert.equal(bytes.buffer.byteLength, bytes.length)
  })

  it('is refused when any bit of it has changed', () => {
    const batch = sealed(2)
    for (let bit = 0; bit < batch.sealed.length * 8; bit += 3) {
      const changed = batch.sealed.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.throws(
        () => openBatch({ ...batch, sealed: changed }, keyForEpoch),
        (error) => error instanceof MessagingError,
      )
    }
  })

  it('is refused under the row of another batch', () => {
    const batch = sealed(2)
    const lies = [{ partition: 1 }, { count: 3 }, { plainBytes: 1 }, { latest: timestampOf(0) }, { epoch: 4 }]
    for (const lie of lies) assert.throws(() => openBatch({ ...batch, ...lie }, keyForEpoch), isDamaged)
    assert.throws(() => openBatch({ ...batch, sealed: sealed(3).sealed }, keyForEpoch), isDamaged)
    assert.throws(() => openBatch({ ...batch, sealed: new Uint8Array(3) }, keyForEpoch), isDamaged)
  })

  it('says so when its epoch is gone', () => {
    assert.throws(
      () => openBatch(sealed(1), () => undefined),
      (error) => error instanceof MessagingError && error.code === 'unknown-epoch',
    )
  })

  it('never repeats a nonce under one salt, and shares no key between salts or purposes', () => {
    const key = sealingKey()
    const counters = [0, 1, 2].map(() => sealed(1, key).sealed.slice(21, 29).join())
    assert.equal(new Set(counters).size, 3)
    const cipher = (from: SealingKey): string =>
      Buffer.from(from.seal(new Uint8Array(16), text(''))).toString('hex', 29)
    assert.notEqual(cipher(sealingKey('telemetry batch', 1)), cipher(sealingKey('telemetry batch', 2)))
    assert.notEqual(cipher(sealingKey('telemetry batch', 1)), cipher(sealingKey('history page', 1)))
  })

  it('holds at most its messages and its bytes', () => {
    const builder = new BatchBuilder(0)
    for (let i = 0; i < BATCH_MESSAGES_MAX; i++) builder.append(record(i))
    assert.ok(builder.isFullFor(1))
    assert.throws(() => builder.append(record(0)), TypeError)
    builder.seal(sealingKey())
    assert.equal(builder.count, 0)
    const large = { ...record(0), body: new Uint8Array(256 * 1024) }
    while (!builder.isFullFor(large.body.length + 100)) builder.append(large)
    assert.ok(builder.bytes <= BATCH_BYTES_MAX)
    assert.throws(() => builder.append({ ...large, body: new Uint8Array(RECORD_BYTES_MAX) }), TypeError)
    assert.throws(() => new BatchBuilder(0).seal(sealingKey()), TypeError)
  })
})

describe('a history page', () => {
  const batch = sealed(6)
  const plain = openBatchBytes(batch, keyForEpoch)
  const records = recordSpans(plain, batch)
    .filter(({ at, end }) => recordDevice(plain, at, end) === 'pump-1')
    .map((span) => ({ ...span, record: plain.subarray(span.at, span.end) }))

  it('keeps sequence numbers and offsets of regrouped records', () => {
    const page = encodePage(2, records)
    const bytes = sealPage(sealingKey('history page'), page.header, page.plain)
    const opened = openPage(bytes, keyForEpoch)
    assert.deepEqual(opened.header, page.header)
    assert.deepEqual(
      decodePage(opened.header, opened.bytes),
      openBatch(batch, keyForEpoch).filter(({ deviceId }) => deviceId === 'pump-1'),
    )
  })

  it('does not open as what it is not', () => {
    const page = encodePage(2, records)
    assert.throws(() => openPage(sealPage(sealingKey(), page.header, page.plain), keyForEpoch), isDamaged)
    assert.throws(() => openPage(batch.sealed, keyForEpoch), isDamaged)
    assert.throws(() => decodePage({ ...page.header, count: 1 }, page.plain), isDamaged)
    assert.throws(() => decodePage(page.header, page.plain.subarray(1)), isDamaged)
    for (let cut = 1; cut < page.plain.length; cut++) {
      assert.throws(() => decodePage({ ...page.header, plainBytes: cut }, page.plain.subarray(0, cut)), isDamaged)
    }
  })
})
