/** What somebody who writes roles may write: texts of policies. */

import { strict as assert } from 'node:assert'
import { EVERYBODY } from '@holdfast/authorization'
import { CedarEngine } from '../cedar-engine.ts'

const ACTIONS = ['device:read', 'device:command', 'hub:manage']
const QUESTION = {
  principal: { kind: 'person', id: 'anna' },
  action: 'device:command',
  resource: { kind: 'device', deviceId: 'd', organisation: 'a', site: 's', fleet: 'f' },
  hubOwner: 'a',
  circumstances: { isPresent: true, isScoped: false },
} as const

let engine: CedarEngine | undefined

/** Made when the first text comes: it is no small thing. */
function ready(): CedarEngine {
  if (engine === undefined) {
    engine = new CedarEngine(ACTIONS)
    engine.prepare('steady', new Map([['r', 'permit (principal in Role::"r", action, resource);']]))
  }
  return engine
}

const SEEDS = [
  'permit (principal in Role::"r", action == Action::"device:command", resource);',
  'permit (principal is Person in Role::"r", action in [Action::"device:read"], resource in Site::"a/s") when { context.isPresent };',
  'forbid (principal in Role::"r", action in Action::"any:read", resource) unless { resource == Device::"d" };',
  '// nothing\n@id("x") permit (principal in Role::"r", action, resource) when { if context.isScoped then true else false };',
]

export const fuzzTargets = [
  {
    name: 'role-text',
    seeds: SEEDS.map((text) => Buffer.from(text)),
    run(bytes: Uint8Array): void {
      const cedar = ready()
      const text = Buffer.from(bytes).toString('utf8')
      const { faults, policies } = cedar.check('r', text)
      for (const { line, column } of faults) assert.ok(line >= 1 && column >= 1)
      if (faults.length === 0) {
        // What was found right can be used, and gives nothing to who has no role.
        cedar.prepare('tried', new Map([['r', text]]))
        const without = cedar.decide('tried', { ...QUESTION, roles: [] })
        assert.deepEqual([without.isAllowed, without.reasons], [false, []])
        const known = new Set([...policies.map(({ id }) => id), 'token-scope'])
        for (const reason of cedar.decide('tried', { ...QUESTION, roles: ['r'] }).reasons) assert.ok(known.has(reason))
      }
      if (cedar.check(EVERYBODY, text).faults.length === 0) {
        cedar.prepare('tried', new Map([[EVERYBODY, text]]))
        assert.equal(cedar.decide('tried', { ...QUESTION, roles: ['r'] }).isAllowed, false)
      }
      // Whatever the text did, others decide as before.
      assert.equal(cedar.decide('steady', { ...QUESTION, roles: ['r'] }).isAllowed, true)
    },
  },
]
