/** What one front does about its readers when others take their place. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AmqpRefusal, OutgoingLink } from '@holdfast/amqp'
import { ManualClock } from '@holdfast/identity/testing'
import type { AmqpAbout } from './contract.ts'
import { MemoryTelemetry } from '../testing/memory-telemetry.ts'
import { FrontAmqp, type FrontAmqpParts } from './front-amqp.ts'

const ABOUT: AmqpAbout = {
  hostName: 'hub.example',
  amqpPort: 5671,
  entity: 'hub',
  partitions: 1,
  createdAt: 0,
  groups: ['$Default'],
}

test('a reader that was displaced is closed, and nothing of its connection rests on it any more', async () => {
  const closedAtDesk: number[] = []
  const unused = () => Promise.reject(new Error('nobody asks'))
  const desk: FrontAmqpParts['desk'] = {
    about: async () => ABOUT,
    judge: unused,
    note: async () => {},
    fault: async () => {},
    sendCommand: unused,
    openReader: async () => ({ kind: 'in' }),
    closeReader: async (reader) => void closedAtDesk.push(reader),
    follow: async () => [],
    unfollow: async () => {},
    openQueue: unused,
    receiveFromQueue: unused,
    settleInQueue: unused,
    releaseInQueue: unused,
    closeQueue: unused,
  }
  const faults: unknown[] = []
  const front = await FrontAmqp.open({
    desk,
    history: new MemoryTelemetry(1),
    clock: new ManualClock(),
    failed: (error) => void faults.push(error),
  })
  const refusals: AmqpRefusal[] = []
  let released = 0
  const link: OutgoingLink = {
    name: 'reader',
    address: 'hub/ConsumerGroups/$Default/Partitions/0',
    peerAddress: '',
    properties: new Map(),
    desiredCapabilities: [],
    filter: new Map(),
    capacity: 0,
    send: () => assert.fail('there is nothing to send'),
    close: (error) => void refusals.push(error),
  }
  const opened = front.openReader(link, { group: '$default', partition: 0 }, () => (released += 1))
  assert.ok(!('condition' in opened))
  front.stolen(0, 'somebody else reads now')
  front.stolen(0, 'and again')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(
    refusals.map(({ condition }) => condition),
    ['amqp:link:stolen'],
  )
  assert.equal(released, 1)
  assert.deepEqual(closedAtDesk, [0])
  assert.deepEqual(faults, [])
})
