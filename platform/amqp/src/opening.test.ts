/** What a peer may make us do before it has proved anything, and how fast it may go on afterwards. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf, TokenBucket } from '@holdfast/base'
import { AmqpError } from './errors.ts'
import { FrameGate } from './frame-gate.ts'
import { AMQP_LIMITS } from './limits.ts'
import { beginFrame, frame, openFrame } from './testing/frames.ts'

const NOW = instantOf(0)

function gateWithin(): { readonly gate: FrameGate; push(...frames: readonly Uint8Array[]): void } {
  const { attachBurst, attachesPerSecond } = AMQP_LIMITS
  const attaches = new TokenBucket(NOW, { burst: attachBurst, perSecond: attachesPerSecond })
  const gate = new FrameGate({ limits: AMQP_LIMITS, attaches, frame: () => {} })
  return {
    gate,
    push: (...frames) => {
      for (const one of frames) gate.push(one, NOW)
    },
  }
}

const HEARTBEAT = Buffer.from([0, 0, 0, 8, 2, 0, 0, 0])
const SESSION = [beginFrame(0), frame(0, 0x17, [])]

function saying(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof AmqpError && pattern.test(error.message)
}

test('before a credential a connection has so many frames, small as they may be', () => {
  const { push } = gateWithin()
  push(openFrame(), ...Array.from({ length: AMQP_LIMITS.openingFramesMax - 1 }, () => HEARTBEAT))
  assert.throws(() => push(HEARTBEAT), saying(/frames before a credential/))
})

test('after it heartbeats are not counted', () => {
  const { gate, push } = gateWithin()
  gate.isTrusted = true
  push(openFrame(), ...Array.from({ length: 10_000 }, () => HEARTBEAT))
})

test('sessions that begin and end are held to the rate of links', () => {
  const { gate, push } = gateWithin()
  gate.isTrusted = true
  push(openFrame())
  for (let index = 0; index < AMQP_LIMITS.attachBurst; index += 1) push(...SESSION)
  assert.throws(() => push(...SESSION), saying(/too many sessions/))
})
