import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { requirementsOf } from '@holdfast/models'
import { applyLifeChange, type DeviceLife } from './device-life.ts'
import { judgeLife } from './life-rules.ts'
import { LIFE_MOVES, LIFE_STATES, movesFrom, planMove } from './life.ts'

const AT = timestampOf(5)

test('nothing leads back from retired, and everything that is not leads there', () => {
  assert.deepEqual(movesFrom('retired'), [])
  for (const state of LIFE_STATES) if (state !== 'retired') assert.ok(movesFrom(state).includes('retire'), state)
})

test('every state but the first is reached, and only by moves', () => {
  const reached = new Set(['manufactured'])
  for (let round = 0; round < LIFE_STATES.length; round += 1) {
    for (const state of LIFE_STATES.filter((one) => reached.has(one))) {
      for (const move of LIFE_MOVES) {
        const plan = planMove(state, move, 'active')
        if (plan.kind === 'moved') reached.add(plan.to)
      }
    }
  }
  assert.deepEqual([...reached].sort(), [...LIFE_STATES].sort())
})

test('a refusal says why', () => {
  for (const state of LIFE_STATES) {
    for (const move of LIFE_MOVES) {
      const plan = planMove(state, move)
      if (plan.kind === 'refused') assert.match(plan.reason, /^it is /)
    }
  }
  const plan = planMove('quarantined', 'transfer')
  assert.match(plan.kind === 'refused' ? plan.reason : '', /release it first/)
})

test('a quarantine ends where it began', () => {
  const before: DeviceLife = { deviceId: 'd', generationId: 'g', state: 'commissioned', since: AT }
  const held = applyLifeChange('d', before, { kind: 'quarantine', generationId: 'g', reason: 'a copy' }, AT)
  assert.ok(held.kind === 'changed')
  assert.deepEqual([held.life.state, held.life.before, held.life.reason], ['quarantined', 'commissioned', 'a copy'])
  const freed = applyLifeChange('d', held.life, { kind: 'release', generationId: 'g', reason: '' }, AT)
  assert.deepEqual(freed.kind === 'changed' ? freed.life : undefined, before)
})

test('what is written of a former identity says nothing of the next', () => {
  const former: DeviceLife = {
    deviceId: 'd',
    generationId: 'g1',
    state: 'quarantined',
    before: 'active',
    since: AT,
    owner: 'o',
  }
  const change = { kind: 'commission', generationId: 'g2', note: '' } as const
  assert.equal(applyLifeChange('d', former, change, AT).kind, 'refused')
  const assigned = applyLifeChange(
    'd',
    former,
    { kind: 'assign', generationId: 'g2', model: 'm', needsCommissioning: true },
    AT,
  )
  assert.ok(assigned.kind === 'changed')
  assert.deepEqual(assigned.life, { deviceId: 'd', generationId: 'g2', state: 'provisioned', since: AT, model: 'm' })
})

test('what a manifest says of a model, an operator does not say otherwise', () => {
  const life: DeviceLife = {
    deviceId: 'd',
    generationId: 'g',
    state: 'active',
    since: AT,
    model: 'a',
    manufacturer: 'm',
    serial: 's',
  }
  const change = { kind: 'assign', generationId: 'g', model: 'b', needsCommissioning: false } as const
  assert.equal(applyLifeChange('d', life, change, AT).kind, 'refused')
})

test('being provisioned again neither commissions nor releases', () => {
  for (const state of ['provisioned', 'active', 'quarantined'] as const) {
    const before = state === 'quarantined' ? ({ before: 'active' } as const) : {}
    const life: DeviceLife = { deviceId: 'd', generationId: 'g', state, since: AT, model: 'm', ...before }
    const facts = applyLifeChange('d', life, { kind: 'provisioning', facts: { model: 'm' } }, AT)
    assert.equal(facts.kind, 'unchanged')
    const again = applyLifeChange('d', life, { kind: 'provisioned', generationId: 'g', needsCommissioning: false }, AT)
    assert.equal(again.kind === 'refused' ? '' : again.life.state, state)
  }
})

const CONNECTION = { generationId: 'g', basis: { kind: 'device-key', slot: 'primary' }, isModule: false } as const
const LIFE: DeviceLife = { deviceId: 'd', generationId: 'g', state: 'active', since: AT, model: 'm' }
const CONSTRAINED = requirementsOf({ tier: 'constrained', requirements: {} })
const FULL = requirementsOf({ tier: 'full', requirements: {} })
const code = (...given: Parameters<typeof judgeLife>): string => {
  const verdict = judgeLife(...given)
  return verdict.kind === 'pass' ? 'pass' : `${verdict.kind} ${verdict.code}`
}

test('who has no life written is judged by nothing', () => {
  assert.equal(code(undefined, undefined, CONNECTION), 'pass')
  assert.equal(code({ ...LIFE, generationId: 'other', state: 'retired' }, undefined, CONNECTION), 'pass')
})

test('each state and each requirement has its verdict', () => {
  assert.equal(code({ ...LIFE, state: 'retired' }, CONSTRAINED, CONNECTION), 'refuse device-retired')
  assert.equal(code({ ...LIFE, state: 'claimed' }, CONSTRAINED, CONNECTION), 'restrict not-provisioned')
  assert.equal(code({ ...LIFE, state: 'provisioned' }, CONSTRAINED, CONNECTION), 'restrict not-commissioned')
  assert.equal(code(LIFE, CONSTRAINED, CONNECTION), 'pass')
  assert.equal(code(LIFE, undefined, CONNECTION), 'restrict model-unknown')
  assert.equal(code(LIFE, FULL, CONNECTION), 'restrict not-on-a-manifest')
  const listed: DeviceLife = { ...LIFE, manufacturer: 'a', serial: 's' }
  assert.equal(code(listed, FULL, CONNECTION), 'restrict key-not-in-hardware')
  assert.equal(code({ ...listed, keyStorage: 'software' }, FULL, CONNECTION), 'restrict key-not-in-hardware')
  const hardware: DeviceLife = { ...listed, keyStorage: 'tpm' }
  assert.equal(code(hardware, FULL, CONNECTION), 'restrict credential-not-of-model')
  assert.equal(code({ ...hardware, keyKind: 'endorsement-key' }, FULL, CONNECTION), 'pass')
})

test('a record without a generation holds for whoever has the id: a stop in between leaves nobody unjudged', () => {
  const { generationId: _generation, ...unbound } = LIFE
  assert.equal(code({ ...unbound, state: 'claimed' }, CONSTRAINED, CONNECTION), 'restrict not-provisioned')
})

test('of a module the state of its device counts, not by what it is proved itself', () => {
  const module_ = { ...CONNECTION, isModule: true }
  assert.equal(code({ ...LIFE, keyStorage: 'tpm', manufacturer: 'a', serial: 's' }, FULL, module_), 'pass')
  assert.equal(code({ ...LIFE, state: 'retired' }, FULL, module_), 'refuse device-retired')
})
