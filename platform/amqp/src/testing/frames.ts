/** Frames as a peer might write them, right or wrong, for tests. */

import { AMQP_HEADER } from '../sasl.ts'
import { ValueWriter } from '../value-writer.ts'

export const HEADER = AMQP_HEADER

export type Field =
  | null
  | { readonly uint: number }
  | { readonly boolean: boolean }
  | { readonly string: string }
  | { readonly binary: Uint8Array }
  /** Source or target with an address alone. */
  | { readonly terminus: 0x28 | 0x29; readonly address: string }

export function frame(
  channel: number,
  code: number,
  fields: readonly Field[],
  payload: Uint8Array = new Uint8Array(0),
): Buffer {
  const writer = new ValueWriter()
  for (const byte of [0, 0, 0, 0, 2, 0, channel >> 8, channel & 0xff]) writer.u8(byte)
  writer.described(code)
  writer.list(fields.length, () => {
    for (const field of fields) write(writer, field)
  })
  writer.raw(payload)
  const bytes = writer.take()
  bytes.writeUInt32BE(bytes.length)
  return bytes
}

export function openFrame(options: { readonly idleTimeOut?: number; readonly frameBytesMax?: number } = {}): Buffer {
  const { idleTimeOut, frameBytesMax } = options
  return frame(0, 0x10, [
    { string: 'peer' },
    { string: 'localhost' },
    frameBytesMax === undefined ? null : { uint: frameBytesMax },
    null,
    idleTimeOut === undefined ? null : { uint: idleTimeOut },
  ])
}

export function beginFrame(channel: number): Buffer {
  return frame(channel, 0x11, [null, { uint: 0 }, { uint: 2_048 }, { uint: 2_048 }])
}

export function attachFrame(
  channel: number,
  link: {
    readonly name: string
    readonly handle: number
    readonly isReceiver?: boolean
    readonly source?: string
    readonly target?: string
  },
): Buffer {
  const { name, handle, isReceiver = false, source = 'here', target = 'there' } = link
  return frame(channel, 0x12, [
    { string: name },
    { uint: handle },
    { boolean: isReceiver },
    null,
    null,
    { terminus: 0x28, address: source },
    { terminus: 0x29, address: target },
    null,
    null,
    { uint: 0 },
  ])
}

export function flowFrame(channel: number, flow: { readonly handle: number; readonly credit: number }): Buffer {
  const [zero, window] = [{ uint: 0 }, { uint: 100_000 }]
  return frame(channel, 0x13, [zero, window, zero, window, { uint: flow.handle }, zero, { uint: flow.credit }])
}

export function transferFrame(
  channel: number,
  transfer: {
    readonly handle: number
    readonly deliveryId: number
    readonly more?: boolean
    readonly payload?: Uint8Array
  },
): Buffer {
  const { handle, deliveryId, more = false, payload = Buffer.from([0x00, 0x53, 0x77, 0x41]) } = transfer
  const tag = Buffer.alloc(4)
  tag.writeUInt32BE(deliveryId)
  return frame(
    channel,
    0x14,
    [{ uint: handle }, { uint: deliveryId }, { binary: tag }, { uint: 0 }, null, { boolean: more }],
    payload,
  )
}

function write(writer: ValueWriter, field: Field): void {
  if (field === null) writer.null()
  else if ('uint' in field) writer.uint(field.uint)
  else if ('boolean' in field) writer.boolean(field.boolean)
  else if ('string' in field) writer.string(field.string)
  else if ('binary' in field) writer.binary(field.binary)
  else {
    writer.described(field.terminus)
    writer.list(1, () => writer.string(field.address))
  }
}
