import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PolicyQuestion, STARTING_ROLES } from '@holdfast/authorization'
import { CedarEngine } from './cedar-engine.ts'
import { entitiesOf } from './entities.ts'

const ACTIONS = ['device:read', 'device:write', 'device:command', 'device:secret', 'audit:read', 'access:write']
const DEVICE = { kind: 'device', deviceId: 'pump-1', organisation: 'home', site: 'main', fleet: 'default' } as const

function engineOf(texts: Readonly<Record<string, string>>): CedarEngine {
  const engine = new CedarEngine(ACTIONS)
  engine.prepare('home', new Map(Object.entries(texts)))
  return engine
}

function question(changes: Partial<PolicyQuestion> = {}): PolicyQuestion {
  return {
    principal: { kind: 'person', id: 'anna' },
    roles: ['operator'],
    action: 'device:command',
    resource: DEVICE,
    hubOwner: 'home',
    circumstances: { isPresent: false, isScoped: false },
    ...changes,
  }
}

const OPERATOR = 'permit (principal in Role::"operator", action in [Action::"device:command"], resource);'

test('what a role permits is allowed to who has it, and to nobody else', () => {
  const engine = engineOf({ operator: OPERATOR })
  assert.deepEqual(engine.decide('home', question()), { isAllowed: true, reasons: ['operator/1'], errors: [] })
  for (const no of [
    question({ roles: [] }),
    question({ roles: ['auditor'] }),
    question({ action: 'device:secret' }),
    question({ action: 'no:action' }),
  ]) {
    assert.deepEqual(engine.decide('home', no), { isAllowed: false, reasons: [], errors: [] })
  }
})

test('an organisation without a set allows nothing, and sets do not reach each other', () => {
  const engine = engineOf({ operator: OPERATOR })
  assert.equal(engine.decide('other', question()).isAllowed, false)
  engine.prepare('other', new Map([['operator', 'permit (principal in Role::"operator", action, resource);']]))
  assert.equal(engine.decide('other', question({ action: 'device:secret' })).isAllowed, true)
  assert.equal(engine.decide('home', question({ action: 'device:secret' })).isAllowed, false)
  engine.prepare('other', new Map())
  assert.equal(engine.decide('other', question()).isAllowed, false)
})

test('places hold for what is below them, and what forbids is stronger', () => {
  const everybody =
    'forbid (principal, action == Action::"device:command", resource in Site::"home/main") unless { context.isPresent };'
  const engine = engineOf({ operator: OPERATOR, everybody })
  const answer = engine.decide('home', question())
  assert.deepEqual([answer.isAllowed, answer.reasons], [false, ['everybody/1']])
  assert.equal(engine.decide('home', question({ circumstances: { isPresent: true, isScoped: false } })).isAllowed, true)
  const elsewhere = { ...DEVICE, site: 'plant' }
  assert.equal(engine.decide('home', question({ resource: elsewhere })).isAllowed, true)
})

test('groups name what there is and will be: by verb, and by resource', () => {
  const engine = engineOf({
    auditor: 'permit (principal in Role::"auditor", action in Action::"any:read", resource);',
    device: 'permit (principal in Role::"device", action in Action::"device:any", resource);',
  })
  const may = (role: string, action: string): boolean =>
    engine.decide('home', question({ roles: [role], action })).isAllowed
  assert.deepEqual(
    ACTIONS.map((action) => may('auditor', action)),
    [true, false, false, false, true, false],
  )
  assert.deepEqual(
    ACTIONS.map((action) => may('device', action)),
    [true, true, true, true, false, false],
  )
})

test('a token may what it names, unless somebody forbids it', () => {
  const token = question({
    principal: { kind: 'token', id: 't' },
    roles: [],
    circumstances: { isPresent: false, isScoped: true },
  })
  assert.deepEqual(engineOf({ operator: OPERATOR }).decide('home', token).reasons, ['token-scope'])
  const engine = engineOf({ everybody: 'forbid (principal is Token, action, resource);' })
  assert.equal(engine.decide('home', token).isAllowed, false)
  const person = { ...token, principal: { kind: 'person', id: 't' } as const }
  assert.equal(engineOf({ operator: OPERATOR }).decide('home', person).isAllowed, false)
})

test('ids keep the order of the text, however many there are', () => {
  const text = Array.from({ length: 12 }, (_, at) => `// ${at}\n${OPERATOR}`).join('\n')
  const { policies, faults } = new CedarEngine(ACTIONS).check('operator', text)
  assert.deepEqual(faults, [])
  assert.deepEqual(
    policies.map(({ id }) => id),
    Array.from({ length: 12 }, (_, at) => `operator/${at + 1}`),
  )
})

test('a wrong text is refused with the place and the reason', () => {
  const engine = new CedarEngine(ACTIONS)
  const broken = engine.check('operator', 'permit (principal in Role::"operator",\n  action; resource);')
  assert.deepEqual([broken.faults[0]?.line, broken.faults[0]?.column], [2, 9])
  assert.match(broken.faults[0]?.message ?? '', /unexpected token/)
  const unknown = engine.check(
    'operator',
    '// ä is two bytes\npermit (principal in Role::"operator", action == Action::"device:reed", resource);',
  )
  assert.deepEqual([unknown.faults[0]?.line, unknown.faults[0]?.column], [2, 50])
  assert.match(unknown.faults[0]?.message ?? '', /unrecognized action.*did you mean/s)
  const attribute = engine.check(
    'operator',
    'permit (principal in Role::"operator", action, resource) when { resource.secret == 1 };',
  )
  assert.match(attribute.faults[0]?.message ?? '', /attribute `secret`/)
})

test('a role grants to who has it and to nobody else; what is for everybody only forbids', () => {
  const engine = new CedarEngine(ACTIONS)
  const refused: readonly (readonly [string, string])[] = [
    ['operator', 'permit (principal, action, resource);'],
    ['operator', 'permit (principal in Role::"administrator", action, resource);'],
    ['operator', 'permit (principal == Person::"mallory", action, resource);'],
    ['operator', 'permit (principal is Person, action, resource) when { principal in Role::"operator" };'],
    ['operator', 'forbid (principal, action, resource);'],
    ['operator', 'permit (principal in ?principal, action, resource);'],
    ['everybody', 'permit (principal, action, resource);'],
    ['everybody', 'permit (principal in Role::"everybody", action, resource);'],
  ]
  for (const [role, text] of refused) assert.ok(engine.check(role, text).faults.length > 0, text)
  const taken: readonly (readonly [string, string])[] = [
    ['operator', 'permit (principal is Person in Role::"operator", action, resource);'],
    ['operator', 'forbid (principal in Role::"operator", action == Action::"device:secret", resource);'],
    ['everybody', 'forbid (principal is Token, action, resource);'],
    ['everybody', '// nothing'],
    ['operator', ''],
  ]
  for (const [role, text] of taken) assert.deepEqual(engine.check(role, text).faults, [], text)
})

test('texts that are made to exhaust the reader are refused, and the engine goes on', () => {
  const engine = engineOf({ operator: OPERATOR })
  const permit = (condition: string): string =>
    `permit (principal in Role::"operator", action, resource) when { ${condition} };`
  for (const text of [
    permit(`${'('.repeat(7_000)}true${')'.repeat(7_000)}`),
    permit(`${'['.repeat(7_000)}`),
    permit(`${'if true then '.repeat(1_000)}true`),
    permit(`${'!'.repeat(7_000)}true`),
    permit(`1 == ${'-'.repeat(7_000)}1`),
    permit(`true${' && true'.repeat(1_500)}`),
    permit(`context${'.a'.repeat(7_000)}`),
    permit(`true${' == true'.repeat(1_500)}`),
    permit(`1 == 1${' + 1'.repeat(3_000)}`),
    permit(`"${'\\u{0}'.repeat(1_000)}" like "${'*'.repeat(3_000)}"`),
    `${'@a("b")\n'.repeat(1_500)}${OPERATOR}`,
    '"'.repeat(16_000),
    '\u0000\uD800',
  ]) {
    const { faults } = engine.check('operator', text)
    if (faults.length === 0) engine.prepare('home', new Map([['operator', text]]))
    engine.decide('home', question())
    engine.prepare('home', new Map([['operator', OPERATOR]]))
    assert.equal(engine.decide('home', question()).isAllowed, true, text.slice(0, 120))
  }
})

test('what an organisation begins with is right in every word, but for actions that this test leaves out', () => {
  const named = Object.values(STARTING_ROLES).flatMap((text) =>
    [...text.matchAll(/Action::"((?!any:)[a-z-]+:[a-z]+)"/g)].map(([, action]) => String(action)),
  )
  const engine = new CedarEngine([...new Set([...ACTIONS, ...named])])
  for (const [role, text] of Object.entries(STARTING_ROLES)) {
    const { faults, warnings } = engine.check(role, text)
    assert.deepEqual([faults, warnings], [[], []], role)
  }
})

test('policies that speak of roles alone decide alike everywhere, and such as speak of more are told apart', () => {
  const blind: readonly string[] = [
    ...Object.entries(STARTING_ROLES).map(([, text]) => text),
    OPERATOR,
    'forbid (principal is Token, action, resource);',
    'permit (principal is Person in Role::"operator", action, resource) when { context.isPresent };',
  ]
  const seeing: readonly string[] = [
    'forbid (principal, action, resource in Site::"home/main");',
    'forbid (principal, action, resource is Device);',
    'forbid (principal == Person::"anna", action, resource);',
    'permit (principal in Role::"operator", action, resource) when { resource == Device::"d" };',
    'permit (principal in Role::"operator", action, resource) unless { principal == Person::"anna" };',
    'permit (principal in Role::"operator", action, resource) when { if context.isPresent then resource is Hub else false };',
  ]
  const isBlind = (text: string): boolean => engineOf({ any: text }).isBlind('home')
  for (const text of blind) assert.equal(isBlind(text), true, text)
  for (const text of seeing) assert.equal(isBlind(text), false, text)
  assert.equal(engineOf({}).isBlind('other'), false)
})

test('what Cedar is told of a device is the device and what stands above it, whatever else there is', () => {
  const place = { organisation: 'home', site: 'main', fleet: 'default' }
  const ask = (roles: readonly string[]) =>
    entitiesOf({
      principal: { kind: 'person', id: 'anna' },
      roles,
      action: 'device:read',
      resource: { kind: 'device', deviceId: 'd', ...place },
      hubOwner: 'home',
      circumstances: { isPresent: true, isScoped: false },
    })
  assert.equal(ask(['operator']).length, 4)
  assert.equal(ask(Array.from({ length: 64 }, (_, at) => `r${at}`)).length, 4)
})
