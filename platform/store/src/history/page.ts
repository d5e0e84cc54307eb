/** A page between memory and its row: encoded, compressed, sealed, and back, checked against the row. */

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import {
  encodePage,
  type KeyForEpoch,
  MessagingError,
  openPage,
  type PageRecord,
  pageSpans,
  type RecordSpan,
  recordDevice,
  type SealingKey,
  sealPage,
} from '@holdfast/messaging'
import { ZSTD_LEVEL } from './limits.ts'

const ENCODING_PLAIN = 0
const ENCODING_ZSTD = 1

/** A page's row without its sealed bytes. */
export interface PageRow {
  readonly id: number
  readonly segment: number
  readonly epoch: number
  readonly firstDevice: string
  readonly lastDevice: string
  readonly firstSequence: number
  readonly lastSequence: number
  readonly earliest: number
  readonly latest: number
  readonly messages: number
  readonly plainBytes: number
  readonly sealedBytes: number
}

export interface OpenedPage {
  readonly plain: Uint8Array
  readonly spans: readonly RecordSpan[]
}

/** A record on its way into a page, with the device it is sorted by. */
export interface DeviceRecord extends PageRecord {
  readonly deviceId: string
}

export interface SealedPage {
  readonly row: Omit<PageRow, 'id' | 'segment'>
  readonly sealed: Uint8Array
}

/** @throws TypeError when there is no record: the caller cuts pages. */
export function makePage(partition: number, records: readonly DeviceRecord[], key: SealingKey): SealedPage {
  const first = records[0]
  const last = records.at(-1)
  if (first === undefined || last === undefined) throw new TypeError('a page holds at least one record')
  const { header, plain } = encodePage(partition, records)
  const compressed = zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } })
  // What is already compressed or encrypted by its device stays as it is.
  const isWorth = compressed.length < plain.length * 0.95
  const sealed = sealPage(
    key,
    { ...header, encoding: isWorth ? ENCODING_ZSTD : ENCODING_PLAIN },
    isWorth ? compressed : plain,
  )
  return {
    row: {
      epoch: key.epoch,
      firstDevice: first.deviceId,
      lastDevice: last.deviceId,
      firstSequence: first.sequenceNumber,
      lastSequence: last.sequenceNumber,
      earliest: header.earliest,
      latest: header.latest,
      messages: header.count,
      plainBytes: header.plainBytes,
      sealedBytes: sealed.length,
    },
    sealed,
  }
}

/**
 * Opens a page and checks that it is the one its row speaks of.
 * @throws MessagingError `unknown-epoch`, `damaged`
 */
export function readPage(partition: number, row: PageRow, sealed: Uint8Array, keyOf: KeyForEpoch): OpenedPage {
  const { epoch, header, bytes } = openPage(sealed, keyOf)
  const plain = header.encoding === ENCODING_ZSTD ? decompress(bytes, header.plainBytes) : bytes
  const spans = pageSpans(header, plain)
  const first = spans[0]
  const last = spans.at(-1)
  const agrees =
    epoch === row.epoch &&
    header.partition === partition &&
    header.count === row.messages &&
    header.earliest === row.earliest &&
    header.latest === row.latest &&
    first !== undefined &&
    last !== undefined &&
    first.sequenceNumber === row.firstSequence &&
    last.sequenceNumber === row.lastSequence &&
    recordDevice(plain, first.at, first.end) === row.firstDevice &&
    recordDevice(plain, last.at, last.end) === row.lastDevice
  if (!agrees) throw new MessagingError('damaged', 'the page is not the one its row speaks of')
  return { plain, spans }
}

function decompress(bytes: Uint8Array, plainBytes: number): Uint8Array {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: plainBytes })
  } catch (error) {
    throw new MessagingError('damaged', 'the page does not decompress', { cause: error })
  }
}
