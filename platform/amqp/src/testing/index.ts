/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { instantOf } from '@holdfast/base'
import { AmqpError } from '../errors.ts'
import { FrameGate } from '../frame-gate.ts'
import { AMQP_LIMITS } from '../limits.ts'
import { decodeMessage } from '../message.ts'
import { encodeMessage } from '../message-writer.ts'
import type { Performative } from '../performative.ts'
import { readSaslInit, saslFrameBytes } from '../sasl.ts'
import { attachFrame, beginFrame, flowFrame, frame, openFrame, transferFrame } from './frames.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const NOW = instantOf(0)

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'amqp-gate',
    seeds: [
      Buffer.concat([
        openFrame(),
        beginFrame(0),
        attachFrame(0, { name: 'a', handle: 0, target: '$cbs' }),
        attachFrame(0, { name: 'b', handle: 1, source: '$cbs', isReceiver: true }),
        flowFrame(0, { handle: 1, credit: 10 }),
        transferFrame(0, { handle: 0, deliveryId: 0 }),
        frame(0, 0x15, [{ boolean: true }, { uint: 0 }, { uint: 3 }, { boolean: true }]),
        frame(0, 0x16, [{ uint: 0 }, { boolean: true }]),
        frame(0, 0x17, []),
        frame(0, 0x18, []),
      ]),
    ],
    run: runGate,
  },
  {
    name: 'amqp-message',
    seeds: [
      encodeMessage({
        messageId: 'm',
        correlationId: 7,
        to: '/devices/d/messages/devicebound',
        applicationProperties: new Map<string, string | number>([
          ['operation', 'put-token'],
          ['n', 1],
        ]),
        body: Buffer.from('body'),
      }),
      encodeMessage({ body: (values) => values.string('SharedAccessSignature sr=h&sig=x&se=1') }),
    ],
    run: (bytes) => {
      unlessRefused(() => decodeMessage(bytes))
    },
  },
  {
    name: 'amqp-sasl',
    seeds: [Buffer.from('0000001a02010000005341c00d02a305504c41494ea0040061006200', 'hex')],
    run: (bytes) => {
      unlessRefused(() => {
        const size = saslFrameBytes(bytes)
        if (size !== undefined && bytes.length >= size) readSaslInit(bytes.subarray(0, size))
      })
    },
  },
]

/** Whole and in pieces the same frames come out, each whole, and the bounds hold all the while. */
function runGate(bytes: Uint8Array): void {
  const whole = passed(bytes, bytes.length)
  const pieces = passed(bytes, 3)
  if (whole.join() !== pieces.join()) throw new Error(`whole: ${whole.join()}; in pieces: ${pieces.join()}`)
}

function passed(bytes: Uint8Array, step: number): readonly string[] {
  const frames: string[] = []
  const gate = new FrameGate({
    limits: AMQP_LIMITS,
    attaches: { take: () => true },
    frame: (whole: Buffer, performative: Performative | undefined) => {
      if (whole.length !== whole.readUInt32BE(0)) throw new Error('a frame that is not whole was let through')
      if (gate.links > AMQP_LIMITS.linksMax) throw new Error('more links than there may be')
      frames.push(performative?.kind ?? 'heartbeat')
      const link = gate.attached
      if (link !== undefined) link.credit = 2
    },
  })
  try {
    for (let at = 0; at < bytes.length; at += Math.max(1, step)) gate.push(bytes.subarray(at, at + step), NOW)
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error
    frames.push(error.code)
  }
  return frames
}

function unlessRefused(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error
  }
}
