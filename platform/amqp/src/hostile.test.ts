/** What peers that mean harm get: their own connection ends, memory stays bounded, and nobody else notices. */

import assert from 'node:assert/strict'
import { connect as connectTcp, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import rhea, { type EventContext } from 'rhea'
import { AMQP_LIMITS } from './limits.ts'
import { serveEcho, type Stage } from './testing/echo-application.ts'
import { attachFrame, beginFrame, flowFrame, frame, HEADER, openFrame, transferFrame } from './testing/frames.ts'

let stage: Stage

before(async () => {
  stage = await serveEcho({ openingMs: 1_500, stalledMs: 1_000, closingMs: 300 }, AMQP_LIMITS)
})
after(() => stage.close())

class Peer {
  readonly socket: Socket
  readonly parts: Buffer[] = []
  readonly over: Promise<unknown>

  constructor() {
    this.socket = connectTcp(stage.port, '127.0.0.1')
    this.socket.on('data', (bytes: Buffer) => this.parts.push(bytes))
    this.socket.on('error', () => {})
    this.over = new Promise((resolve) => this.socket.once('close', resolve))
  }

  write(...bytes: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes))
  }

  get text(): string {
    return Buffer.concat(this.parts).toString('latin1')
  }

  async ended(milliseconds = 5_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the connection stays open: ${this.text}`)), milliseconds)
    })
    await Promise.race([this.over, late])
    clearTimeout(timer)
    assert.deepEqual(stage.faults, [])
  }
}

const OPENED = [HEADER, openFrame(), beginFrame(0)]

/** A client that means well, before and after. */
async function othersAreServed(): Promise<void> {
  const connection = rhea.create_container().connect({ host: '127.0.0.1', port: stage.port, reconnect: false })
  connection.on('disconnected', () => {})
  const sender = connection.open_sender('inbox')
  await new Promise<EventContext>((resolve) => sender.once('sendable', resolve))
  sender.send({ body: 'hello' })
  await new Promise<EventContext>((resolve) => sender.once('accepted', resolve))
  const closed = new Promise((resolve) => connection.once('connection_close', resolve))
  connection.close()
  await closed
}

const REFUSED: readonly (readonly [rule: string, bytes: readonly Uint8Array[], said: RegExp | undefined])[] = [
  ['a frame of two gigabytes', [...OPENED, Buffer.from([0x7f, 0xff, 0xff, 0xff, 2, 0, 0, 0])], /framing-error/],
  ['a frame of no bytes', [...OPENED, Buffer.from([0, 0, 0, 0, 2, 0, 0, 0])], /framing-error/],
  ['a data offset outside the frame', [...OPENED, Buffer.from([0, 0, 0, 8, 9, 0, 0, 0])], /framing-error/],
  ['a frame type that there is not', [...OPENED, Buffer.from([0, 0, 0, 8, 2, 7, 0, 0])], /framing-error/],
  ['begin before open', [HEADER, beginFrame(0)], undefined],
  ['open twice', [...OPENED, openFrame()], /not-allowed/],
  ['a channel over the bound', [HEADER, openFrame(), beginFrame(65_535)], /resource-limit-exceeded/],
  ['a channel twice', [...OPENED, beginFrame(0)], /not-allowed/],
  [
    'a link on a channel without a session',
    [HEADER, openFrame(), attachFrame(3, { name: 'a', handle: 0 })],
    /not-allowed/,
  ],
  [
    'a handle over the bound',
    [...OPENED, attachFrame(0, { name: 'a', handle: 4_000_000_000 })],
    /resource-limit-exceeded/,
  ],
  [
    'a handle twice',
    [...OPENED, attachFrame(0, { name: 'a', handle: 1 }), attachFrame(0, { name: 'b', handle: 1 })],
    /handle-in-use/,
  ],
  [
    'a link name twice',
    [...OPENED, attachFrame(0, { name: 'a', handle: 1 }), attachFrame(0, { name: 'a', handle: 2 })],
    /not-allowed/,
  ],
  [
    'a link with the name of a method of objects',
    [...OPENED, attachFrame(0, { name: '__proto__', handle: 1 })],
    /invalid-field/,
  ],
  [
    'a transfer without credit',
    [
      ...OPENED,
      attachFrame(0, { name: 'a', handle: 1, target: 'nowhere' }),
      transferFrame(0, { handle: 1, deliveryId: 0 }),
    ],
    /transfer-limit-exceeded/,
  ],
  [
    'a transfer on a handle without a link',
    [...OPENED, transferFrame(0, { handle: 9, deliveryId: 0 })],
    /unattached-handle/,
  ],
  [
    'a disposition of four billion deliveries',
    [...OPENED, frame(0, 0x15, [{ boolean: true }, { uint: 0 }, { uint: 4_294_967_295 }])],
    /invalid-field/,
  ],
  ['an idle time-out of a millisecond', [HEADER, openFrame({ idleTimeOut: 1 })], /resource-limit-exceeded/],
  ['a largest frame that holds nothing', [HEADER, openFrame({ frameBytesMax: 10 })], /invalid-field|^AMQP/],
  ['lists in lists in lists', [...OPENED, frameOf(nested(400))], /resource-limit-exceeded/],
  [
    'an array of four billion nothings',
    [...OPENED, frameOf(Buffer.from([0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40]))],
    /resource-limit-exceeded/,
  ],
  ['a map whose key is __proto__', [...OPENED, frameOf(protoMap())], /decode-error/],
  ['bytes of no protocol', [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')], undefined],
  ['AMQP of another age', [Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1])], undefined],
  ['a SASL frame where AMQP was begun', [HEADER, Buffer.from([0, 0, 0, 8, 2, 1, 0, 0])], undefined],
]

for (const [rule, bytes, said] of REFUSED) {
  test(`${rule}: the connection ends, and it is told why`, async () => {
    const peer = new Peer()
    peer.write(...bytes)
    await peer.ended()
    if (said !== undefined) assert.match(peer.text, said)
  })
}

test('the same, byte by byte', async () => {
  const peer = new Peer()
  peer.socket.setNoDelay(true)
  for (const byte of Buffer.concat([...OPENED, beginFrame(0)])) {
    peer.write(Buffer.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await peer.ended()
  assert.match(peer.text, /not-allowed/)
})

test('who attaches without end is stopped by the rate, before it costs anything', async () => {
  const peer = new Peer()
  peer.write(...OPENED, attachFrame(0, { name: 'proof', handle: 255, target: 'held' }))
  await new Promise((resolve) => setTimeout(resolve, 30))
  for (let index = 0; index < 5_000; index += 1) {
    peer.write(attachFrame(0, { name: `l${index}`, handle: index % 200, target: 'nowhere' }))
    peer.write(frame(0, 0x16, [{ uint: index % 200 }, { boolean: true }]))
  }
  await peer.ended()
  assert.match(peer.text, /resource-limit-exceeded.*too many links/s)
})

test('sixty-four sessions are served, the next is not', async () => {
  const peer = new Peer()
  peer.write(...OPENED, attachFrame(0, { name: 'a', handle: 1, target: 'held' }))
  // The link is what this server takes for a proof.
  await new Promise((resolve) => setTimeout(resolve, 30))
  peer.write(...Array.from({ length: 64 }, (_, index) => beginFrame(index + 1)))
  await peer.ended()
  assert.match(peer.text, /resource-limit-exceeded/)
})

test('who has proved nothing has a few sessions and links, not as many as others', async () => {
  const sessions = new Peer()
  sessions.write(HEADER, openFrame(), ...Array.from({ length: 5 }, (_, channel) => beginFrame(channel)))
  const links = new Peer()
  links.write(...OPENED)
  for (let handle = 0; handle < 9; handle += 1) {
    links.write(attachFrame(0, { name: `l${handle}`, handle, target: 'nowhere' }))
  }
  await Promise.all([sessions.ended(1_000), links.ended(1_000)])
  assert.match(sessions.text, /unauthorized-access.*sessions/s)
  assert.match(links.text, /unauthorized-access.*links/s)
})

test('a message without end is cut off at its bound, in many frames or in tiny ones', async () => {
  for (const bytes of [30_000, 1]) {
    const peer = new Peer()
    peer.write(...OPENED, attachFrame(0, { name: 'a', handle: 1, target: 'held' }))
    await new Promise((resolve) => setTimeout(resolve, 30))
    for (let index = 0; index < 2_000; index += 1) {
      peer.write(transferFrame(0, { handle: 1, deliveryId: 0, more: true, payload: Buffer.alloc(bytes, 0x41) }))
    }
    await peer.ended()
    assert.match(peer.text, /message-size-exceeded/)
  }
})

test('a flood of messages that are not settled ends at the credit', async () => {
  const peer = new Peer()
  peer.write(...OPENED, attachFrame(0, { name: 'a', handle: 1, target: 'held' }))
  await new Promise((resolve) => setTimeout(resolve, 30))
  const before = stage.deliveries.length
  for (let index = 0; index < 500; index += 1) peer.write(transferFrame(0, { handle: 1, deliveryId: index }))
  await peer.ended()
  assert.equal(stage.deliveries.length - before, 10)
  assert.match(peer.text, /transfer-limit-exceeded/)
})

test('who says nothing, or opens and proves nothing, is closed in time', async () => {
  const silent = new Peer()
  const opened = new Peer()
  opened.write(HEADER, openFrame())
  const half = new Peer()
  half.write(HEADER.subarray(0, 3))
  await Promise.all([silent.ended(4_000), opened.ended(4_000), half.ended(4_000)])
  assert.match(opened.text, /unauthorized-access/)
})

test('a reader that asks for everything and reads nothing is given a bounded amount, then closed', async () => {
  const peer = new Peer()
  peer.write(...OPENED, attachFrame(0, { name: 'a', handle: 1, source: 'numbers', isReceiver: true }))
  peer.write(flowFrame(0, { handle: 1, credit: 4_000_000 }))
  await new Promise((resolve) => setTimeout(resolve, 50))
  peer.socket.pause()
  const before = process.memoryUsage().rss
  await new Promise((resolve) => setTimeout(resolve, 800))
  const grown = process.memoryUsage().rss - before
  assert.ok(grown < 100 * 1024 * 1024, `${grown} bytes`)
  await othersAreServed()
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  assert.ok(
    stage.log.some((line) => line === 'over: the peer does not read'),
    stage.log.slice(-5).join('; '),
  )
  peer.socket.destroy()
})

test('frames made of chance, and good ones with a few bytes changed: nothing but the own connection ends', async () => {
  let state = 0x9e37_79b9
  const next = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % bound
  }
  const good = [
    ...OPENED,
    attachFrame(0, { name: 'a', handle: 1, target: 'inbox' }),
    attachFrame(0, { name: 'b', handle: 2, source: 'numbers', isReceiver: true }),
    flowFrame(0, { handle: 2, credit: 10 }),
    transferFrame(0, { handle: 1, deliveryId: 0 }),
    frame(0, 0x15, [{ boolean: true }, { uint: 0 }, { uint: 5 }, { boolean: true }]),
    frame(0, 0x16, [{ uint: 1 }, { boolean: true }]),
    frame(0, 0x17, []),
    frame(0, 0x18, []),
  ]
  for (let round = 0; round < 300; round += 1) {
    const bytes = Buffer.concat(good)
    for (let changes = next(6); changes >= 0; changes -= 1) bytes[8 + next(bytes.length - 8)] = next(256)
    const peer = new Peer()
    const cut = next(bytes.length)
    peer.write(bytes.subarray(0, cut))
    peer.write(bytes.subarray(cut))
    await new Promise((resolve) => setTimeout(resolve, 2))
    peer.socket.destroy()
    await peer.over
  }
  await othersAreServed()
  assert.deepEqual(stage.faults, [])
})

test('after all of this no connection is left, and others are served', async () => {
  await othersAreServed()
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.equal(stage.server.connections, 0)
  assert.deepEqual(stage.faults, [])
  // The server's own clock may still be there; a timer for each connection that was would hold all of it.
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  assert.ok(timers <= 2, `${timers} timers`)
})

function nested(depth: number): Buffer {
  let value: Buffer = Buffer.of(0x45)
  for (let index = 0; index < depth; index += 1) {
    const head = Buffer.alloc(9)
    head[0] = 0xd0
    head.writeUInt32BE(value.length + 4, 1)
    head.writeUInt32BE(1, 5)
    value = Buffer.concat([head, value])
  }
  return value
}

function protoMap(): Buffer {
  const key = Buffer.concat([Buffer.from([0xa1, 9]), Buffer.from('__proto__')])
  const content = Buffer.concat([key, Buffer.of(0x45)])
  return Buffer.concat([Buffer.from([0xc1, content.length + 1, 2]), content])
}

/** A frame whose performative is open, with this for its container id. */
function frameOf(value: Buffer): Buffer {
  const list = Buffer.alloc(9)
  list[0] = 0xd0
  list.writeUInt32BE(value.length + 4, 1)
  list.writeUInt32BE(1, 5)
  const body = Buffer.concat([Buffer.from([0, 0x53, 0x10]), list, value])
  const head = Buffer.from([0, 0, 0, 0, 2, 0, 0, 0])
  head.writeUInt32BE(body.length + 8)
  return Buffer.concat([head, body])
}
