import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { answerNonce, NO_NONCE, type NonceState, offerNonce, readNonceAnswer } from './rolling-nonce.ts'
import { Chance } from './testing/chance.ts'
import { NO_LOSSES, NonceDevice, NonceHub } from './testing/nonce-world.ts'

const OPEN: NonceState = { current: 'S', offer: 'D' }

test('who shows what it last stored is taken, and what it shows next is what it was given', () => {
  const { state, outcome } = answerNonce(OPEN, { shown: 'S', next: 'D' })
  assert.equal(outcome, 'accepted')
  assert.deepEqual(state, { current: 'S', accepted: 'D' })
  assert.deepEqual(answerNonce(state, { shown: 'D', next: 'D' }), { state: { current: 'D' }, outcome: 'stored' })
})

test('a device that lost power before it stored shows the former, one that lost it after shows the new', () => {
  const state = offerNonce({ current: 'S', accepted: 'D' }, 'E')
  assert.deepEqual(answerNonce(state, { shown: 'S', next: 'E' }).outcome, 'accepted')
  assert.deepEqual(answerNonce(state, { shown: 'D', next: 'E' }).outcome, 'accepted')
  assert.deepEqual(answerNonce(state, { shown: 'R', next: 'E' }).outcome, 'outdated')
})

test('an offer stays until it is answered, and what was an answer once is none later', () => {
  assert.equal(offerNonce(OPEN, 'E').offer, 'D')
  for (const answer of [
    { shown: 'Q', next: 'S' },
    { shown: 'X', next: 'Y' },
  ]) {
    assert.deepEqual(answerNonce(OPEN, answer), { state: OPEN, outcome: 'ignored' })
  }
})

test('who says again what it has stored proves nothing and is refused nothing', () => {
  assert.deepEqual(answerNonce(OPEN, { shown: 'S', next: 'S' }), { state: OPEN, outcome: 'repeated' })
  assert.equal(answerNonce({ current: '', offer: 'D' }, { shown: '', next: '' }).outcome, 'ignored')
})

test('the offer itself, the empty one and anything else are no proof', () => {
  for (const shown of ['D', '', 'R']) assert.equal(answerNonce(OPEN, { shown, next: 'D' }).outcome, 'outdated')
})

test('the first to answer is believed, whatever it shows; from then on nothing is', () => {
  const first = offerNonce(NO_NONCE, 'D')
  const { state } = answerNonce(first, { shown: '', next: 'D' })
  assert.deepEqual(state, { current: '', accepted: 'D' })
  assert.equal(answerNonce(offerNonce({ current: 'D' }, 'E'), { shown: '', next: 'E' }).outcome, 'outdated')
})

test('what is no answer is not read', () => {
  for (const value of [
    null,
    'D',
    {},
    { shown: 'S' },
    { shown: 'S', next: '' },
    { shown: 'S', next: 7 },
    { shown: 'S\n', next: 'D' },
    { shown: 'x'.repeat(65), next: 'D' },
    ['S', 'D'],
  ]) {
    assert.equal(readNonceAnswer(value), undefined, JSON.stringify(value))
  }
  assert.deepEqual(readNonceAnswer({ shown: '', next: 'D', more: 1 }), { shown: '', next: 'D' })
})

test('an honest device is never accused, whatever is lost or repeated, at whichever step it loses power', () => {
  for (let seed = 0; seed < 2_000; seed += 1) {
    const chance = new Chance(seed)
    const hub = new NonceHub()
    const device = new NonceDevice('192.0.2.1')
    const losses = { breaks: chance.whole(60), repeats: chance.whole(101), stale: chance.whole(101) }
    for (let contact = 0; contact < 60; contact += 1) device.contact(hub, chance, losses)
    assert.equal(hub.exposures, 0, `seed ${seed}`)
  }
})

test('of two copies that both come to the end of a connection, the second is found out', () => {
  for (let seed = 0; seed < 2_000; seed += 1) {
    const chance = new Chance(seed)
    const hub = new NonceHub()
    const device = new NonceDevice('192.0.2.1')
    const losses = { breaks: chance.whole(40), repeats: chance.whole(101), stale: chance.whole(101) }
    for (let contact = chance.whole(20); contact >= 0; contact -= 1) device.contact(hub, chance, losses)
    device.contact(hub, chance, NO_LOSSES)
    const copies = [device, device.copy('203.0.113.9')]
    // In any order, with losses, and at last one whole connection of each.
    for (let contact = chance.whole(6); contact > 0; contact -= 1) {
      copies[chance.whole(2)]?.contact(hub, chance, losses)
    }
    if (chance.happens(50)) copies.reverse()
    for (const copy of copies) copy.contact(hub, chance, { ...NO_LOSSES, stale: losses.stale })
    assert.ok(hub.exposures > 0, `seed ${seed}`)
  }
})

test('without losses a copy is found out by the first connection of the second to speak', () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const chance = new Chance(1)
    const hub = new NonceHub()
    const device = new NonceDevice('192.0.2.1')
    for (let contact = 0; contact < 3; contact += 1) device.contact(hub, chance, NO_LOSSES)
    const copies = [device, device.copy('203.0.113.9')]
    for (const [turn, which] of order.entries()) {
      copies[which]?.contact(hub, chance, NO_LOSSES)
      assert.equal(hub.exposures, turn, `after the connection ${turn + 1}`)
    }
  }
})

test('a copy of the key alone is found out, whatever it has read in the twin', () => {
  for (let seed = 0; seed < 500; seed += 1) {
    const chance = new Chance(seed)
    const hub = new NonceHub()
    const device = new NonceDevice('192.0.2.1')
    device.contact(hub, chance, NO_LOSSES)
    const read = new Set<string>()
    for (let turn = 0; turn < 10; turn += 1) {
      hub.open('203.0.113.9')
      read.add(hub.desired)
      hub.offer()
      read.add(hub.desired)
      device.contact(hub, chance, { breaks: chance.whole(30), repeats: 0, stale: 50 })
    }
    assert.equal(hub.exposures, 0)
    for (const shown of read) {
      hub.open('203.0.113.9')
      hub.offer()
      const { outcome } = hub.dossier.answered({ shown, next: hub.desired }, timestampOf(0))
      assert.equal(outcome, 'outdated', `seed ${seed}, ${shown}`)
    }
  }
})
