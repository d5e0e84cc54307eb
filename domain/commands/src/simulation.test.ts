/**
 * Services, receivers, back ends, a disk that fails and a hub that crashes, in an order that a seed gives. Shown: what
 * was accepted is never lost; what was settled is never given again; what is given is the first that may be; feedback
 * comes once for each end that was asked for. A failure names its seed.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IdentityKey, identityText } from '@holdfast/identity'
import { ManualClock } from '@holdfast/identity/testing'
import type { Ack, Delivery, Outcome } from './command.ts'
import type { CommandReceiver } from './command-receiver.ts'
import { CommandError } from './errors.ts'
import { ACKS, asksFor, type CommandEnd, decodeCommandContent, type FeedbackRecord } from './index.ts'
import { type CommandStage, commandStage, MemoryCommandStore } from './testing/index.ts'
import { type Unreliability, unreliable } from './testing/unreliable-store.ts'

const SEEDS = 60
const STEPS = 300
const KEYS: readonly IdentityKey[] = [{ deviceId: 'a' }, { deviceId: 'b' }, { deviceId: 'b', moduleId: 'm' }]
const MINUTE = 60_000
const STATUS: Readonly<Record<FeedbackRecord['statusCode'], CommandEnd>> = {
  Success: 'completed',
  Expired: 'expired',
  DeliveryCountExceeded: 'delivery-count-exceeded',
  Rejected: 'rejected',
  Purged: 'purged',
}

interface Known {
  readonly ack: Ack
  readonly expires: number
  /** What a settlement that succeeded made of it. */
  settled?: Outcome
  deliveries: number
  /** When its sender was told that it is there; counts steps. */
  accepted?: number
}

interface Held {
  readonly delivery: Delivery
  readonly settle: (outcome: Outcome) => Promise<string>
  readonly release: (() => void) | undefined
  /** Of `receive`, for a minute; of a receiver, as long as it is open. */
  until: number
  isSettling: boolean
}

class World {
  readonly #random: () => number
  readonly #line: Unreliability
  readonly #disk = new MemoryCommandStore()
  readonly #clock = new ManualClock()
  /** By message id. */
  readonly #known = new Map<string, Known>()
  /** By lock token. */
  readonly #held = new Map<string, Held>()
  readonly #receivers = new Map<string, CommandReceiver>()
  readonly #receiving = new Set<string>()
  readonly #records: FeedbackRecord[] = []
  #stage: CommandStage
  /** When a message was last given back, by sequence number. */
  readonly #given = new Map<number, number>()
  #epoch = 0
  #turn = 0
  #count = 0

  constructor(seed: number) {
    this.#random = mulberry(seed)
    // Every second world has a disk that never fails: there it is known what became of everything.
    this.#line = { random: this.#random, failing: seed % 2 === 0 ? 0 : 0.1 }
    for (const key of KEYS) this.#disk.addIdentity(key, `g-${identityText(key)}`)
    this.#stage = this.#start()
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) {
      this.#step()
      for (let turns = Math.floor(this.#random() * 10); turns > 0; turns -= 1) await Promise.resolve()
    }
    await this.#finish()
  }

  #start(): CommandStage {
    return commandStage(unreliable(this.#disk, this.#line), this.#clock)
  }

  #step(): void {
    this.#turn += 1
    const key = this.#pick(KEYS)
    switch (
      this.#pick(['send', 'send', 'send', 'receive', 'receive', 'listen', 'settle', 'settle', 'settle', 'rest'])
    ) {
      case 'send':
        return this.#send(key)
      case 'receive':
        return this.#receive(key)
      case 'listen':
        return this.#listen(key)
      case 'settle':
        return this.#settle()
      case 'rest':
        return this.#rarely(key)
    }
  }

  #rarely(key: IdentityKey): void {
    switch (this.#pick(['time', 'time', 'time', 'feedback', 'feedback', 'close', 'release', 'purge', 'crash'])) {
      case 'time':
        return this.#pass(Math.floor(this.#random() * MINUTE))
      case 'feedback':
        void this.#takeFeedback()
        return
      case 'close':
        return this.#close(key)
      case 'release':
        return this.#release()
      case 'purge':
        if (this.#random() < 0.3) this.#stage.commands.purge(key, 'x').catch(() => undefined)
        return
      case 'crash':
        if (this.#random() < 0.5) this.#crash()
    }
  }

  #send(key: IdentityKey): void {
    const messageId = `m${(this.#count += 1)}`
    const ack = this.#pick(ACKS)
    const lifeMs = this.#pick([MINUTE, 2 * MINUTE, 10 * MINUTE])
    const known: Known = { ack, expires: this.#clock.wall() + lifeMs, deliveries: 0 }
    this.#known.set(messageId, known)
    this.#stage.commands.send({ key, messageId, ack, lifeMs, body: Buffer.from(messageId) }, 'x').then(
      () => {
        known.accepted = this.#turn
      },
      (error: unknown) => {
        // After an error of the disk nobody knows: it may be there.
        if (error instanceof CommandError) this.#known.delete(messageId)
      },
    )
  }

  #receive(key: IdentityKey): void {
    const { commands } = this.#stage
    this.#take(key, () => commands.receive(key), {
      settle: (token, outcome) => commands.settle(key, token, outcome),
      until: MINUTE,
    })
  }

  #listen(key: IdentityKey): void {
    const name = identityText(key)
    let receiver = this.#receivers.get(name)
    if (receiver === undefined) {
      receiver = this.#stage.commands.listen(key, () => undefined)
      this.#receivers.set(name, receiver)
    }
    const from = receiver
    this.#take(key, () => from.receive(), {
      settle: (token, outcome) => from.settle(token, outcome),
      release: (token) => from.release(token),
      until: Number.POSITIVE_INFINITY,
    })
  }

  /** One at a time for each queue, so that it is known what could have been given. */
  #take(
    key: IdentityKey,
    receive: () => Promise<Delivery | undefined>,
    how: {
      readonly settle: (token: string, outcome: Outcome) => Promise<string>
      readonly release?: (token: string) => void
      readonly until: number
    },
  ): void {
    const name = identityText(key)
    if (this.#receiving.has(name)) return
    this.#receiving.add(name)
    const epoch = this.#epoch
    const since = this.#turn
    receive()
      .then((delivery) => {
        if (delivery === undefined || epoch !== this.#epoch) return
        this.#check(delivery, since)
        const { lockToken } = delivery
        const { release } = how
        this.#held.set(lockToken, {
          delivery,
          settle: (outcome) => how.settle(lockToken, outcome),
          release: release === undefined ? undefined : () => release(lockToken),
          until: this.#clock.monotonic() + how.until,
          isSettling: false,
        })
      })
      .catch((error: unknown) => {
        if (error instanceof assert.AssertionError) this.failure ??= error
      })
      .finally(() => {
        if (epoch === this.#epoch) this.#receiving.delete(name)
      })
  }

  /** The first rule that was broken where nobody waits. */
  failure: Error | undefined

  /** @param since when it was asked for. */
  #check({ command }: Delivery, since: number): void {
    const id = command.messageId ?? ''
    const known = this.#known.get(id)
    assert.ok(known !== undefined, `${id} was never sent`)
    assert.equal(known.settled, undefined, `${id} was settled and is given again`)
    assert.equal(Buffer.from(command.body).toString(), id)
    known.deliveries += 1
    const held = new Set([...this.#held.values()].map(({ delivery }) => delivery.command.sequenceNumber))
    const skipped = this.#disk.commands.find(
      (one) =>
        identityText(one.key) === identityText(command.key) &&
        one.sequence < command.sequenceNumber &&
        one.expires > this.#clock.wall() &&
        !held.has(one.sequence) &&
        // What came, or was given back, only while this was on its way, could not be seen.
        (this.#given.get(one.sequence) ?? 0) < since &&
        (this.#known.get(this.#idOf(one.content))?.accepted ?? Number.POSITIVE_INFINITY) < since,
    )
    assert.equal(skipped, undefined, `${id} is given before an older one`)
  }

  #idOf(content: Uint8Array): string {
    return Buffer.from(decodeCommandContent(content).body).toString()
  }

  #settle(): void {
    const free = [...this.#held.values()].filter(({ isSettling }) => !isSettling)
    if (free.length === 0) return
    const held = this.#pick(free)
    const outcome = this.#pick<Outcome>(['complete', 'complete', 'complete', 'abandon', 'abandon', 'reject'])
    held.isSettling = true
    const { lockToken, command } = held.delivery
    const epoch = this.#epoch
    held.settle(outcome).then(
      (result) => {
        const known = this.#known.get(command.messageId ?? '')
        if (result === 'settled' && outcome !== 'abandon' && known !== undefined) known.settled = outcome
        if (epoch === this.#epoch) this.#drop(lockToken)
      },
      () => {
        held.isSettling = false
      },
    )
  }

  #drop(token: string): void {
    const held = this.#held.get(token)
    if (held !== undefined) this.#given.set(held.delivery.command.sequenceNumber, this.#turn)
    this.#held.delete(token)
  }

  #release(): void {
    const free = [...this.#held].filter(([, { isSettling, release }]) => !isSettling && release !== undefined)
    if (free.length === 0) return
    const [token, held] = this.#pick(free)
    held.release?.()
    this.#drop(token)
  }

  #close(key: IdentityKey): void {
    const name = identityText(key)
    this.#receivers.get(name)?.close()
    this.#receivers.delete(name)
    for (const [token, { delivery, until }] of this.#held) {
      if (until === Number.POSITIVE_INFINITY && identityText(delivery.command.key) === name) this.#drop(token)
    }
  }

  #pass(milliseconds: number): void {
    this.#clock.advance(milliseconds)
    for (const [token, { until }] of this.#held) if (until <= this.#clock.monotonic()) this.#drop(token)
    this.#stage.commands.tick()
    this.#stage.feedback.tick()
    this.#stage.batcher.tick()
  }

  #crash(): void {
    this.#epoch += 1
    this.#held.clear()
    this.#receivers.clear()
    this.#receiving.clear()
    this.#stage = this.#start()
  }

  async #takeFeedback(): Promise<void> {
    const { feedback } = this.#stage
    try {
      const delivery = await feedback.receive()
      if (delivery === undefined) return
      if (this.#random() < 0.3) {
        await feedback.settle(delivery.lockToken, 'abandon')
        return
      }
      const records = JSON.parse(Buffer.from(delivery.value).toString()) as FeedbackRecord[]
      if ((await feedback.settle(delivery.lockToken, 'complete')) === 'settled') this.#records.push(...records)
    } catch {
      // A completion whose answer was lost: nobody can know. Told apart at the end by what the disk has written.
      this.uncertain += 1
    }
  }

  /** Batches of feedback whose completion was not answered. */
  uncertain = 0

  async #finish(): Promise<void> {
    this.#line.failing = 0
    this.#crash()
    await turns()
    for (const key of KEYS) {
      for (;;) {
        const delivery = await this.#stage.commands.receive(key)
        if (delivery === undefined) break
        this.#check(delivery, this.#turn)
        const known = this.#known.get(delivery.command.messageId ?? '')
        assert.equal(await this.#stage.commands.settle(key, delivery.lockToken, 'complete'), 'settled')
        if (known !== undefined) known.settled = 'complete'
      }
    }
    this.#clock.advance(10 * MINUTE)
    await this.#stage.commands.sweep()
    await turns()
    assert.equal(this.#disk.commands.length, 0, 'everything ends')
    await this.#stage.batcher.batch()
    for (let round = 0; round < 3; round += 1) {
      this.#clock.advance(MINUTE)
      this.#stage.feedback.tick()
      this.#records.push(...(await this.#stage.records()))
    }
    if (this.failure !== undefined) throw this.failure
    this.#account()
  }

  #account(): void {
    const ends = new Map<string, CommandEnd>()
    for (const { originalMessageId: id, statusCode } of this.#disk.feedback) {
      assert.ok(!ends.has(id), `${id} has feedback twice`)
      ends.set(id, STATUS[statusCode])
    }
    for (const [id, { ack, settled, accepted }] of this.#known) {
      const end = ends.get(id)
      if (settled === 'complete') assert.equal(end, asksFor(ack, 'completed') ? 'completed' : undefined, id)
      else if (settled === 'reject') assert.equal(end, asksFor(ack, 'rejected') ? 'rejected' : undefined, id)
      if (ack === 'none') assert.equal(end, undefined, id)
      if (ack === 'full' && accepted !== undefined) assert.ok(end !== undefined, `${id} is lost`)
      if (end !== undefined) assert.ok(asksFor(ack, end), `${id} has feedback that was not asked for`)
    }
    const told = new Map<string, number>()
    for (const { originalMessageId } of this.#records)
      told.set(originalMessageId, (told.get(originalMessageId) ?? 0) + 1)
    for (const [id, count] of told) assert.equal(count, 1, `${id} was told of ${count} times`)
    const untold = [...ends.keys()].filter((id) => !told.has(id))
    if (this.uncertain === 0) assert.deepEqual(untold, [], 'all feedback was told')
  }

  #pick<T>(list: readonly T[]): T {
    const one = list[Math.floor(this.#random() * list.length)]
    if (one === undefined) throw new TypeError('an empty list')
    return one
  }
}

function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve()
}

test('nothing is lost, settled messages stay settled, order is kept, feedback comes once', async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    try {
      await new World(seed).run()
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})
