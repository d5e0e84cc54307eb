import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tokens } from '@holdfast/access-tokens'
import { MemoryTokenStore } from '@holdfast/access-tokens/testing'
import { timestampOf } from '@holdfast/base'
import { TEST_START } from '@holdfast/identity/testing'
import { HOME, peopleStage } from '../testing/people-stage.ts'
import { TokenOffice } from './token-office.ts'

/** A person who may manage tokens and nothing else, and an administrator who has made one. */
async function stage() {
  let asked = 0
  const tokens = await TokenOffice.open({
    store: new MemoryTokenStore(),
    clock: { wall: () => timestampOf(TEST_START), monotonic: () => hub.clock.monotonic() },
    random: (bytes) => {
      asked += 1
      return new Uint8Array(bytes).fill(asked)
    },
    events: () => undefined,
    damaged: () => undefined,
    fault: (error) => assert.fail(String(error)),
    get authorization() {
      return hub.office
    },
    roll: { operatorNamed: () => undefined },
    policies: { read: () => undefined },
    setNotice: () => undefined,
  })
  assert.ok(tokens.tokens instanceof Tokens)
  const hub: Awaited<ReturnType<typeof peopleStage>> = await peopleStage({ tokens })
  await hub.access.assign(
    { principal: 'operator/alice', role: 'administrator', node: HOME, organisation: 'home' },
    'test',
  )
  await hub.allow('mallory', 'token:write', HOME)
  const scope = [{ role: 'administrator', on: 'organisation/home' }]
  const alice = hub.person('alice', 'home')
  const made = await alice('POST', '/organisations/home/tokens', { name: 'nightly', scope })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  return { alice, mallory: hub.person('mallory', 'home'), local: hub.local, tokens: tokens.tokens }
}

test('whoever may manage tokens is not given what the maker of another one may do, by rotating it', async () => {
  const { alice, mallory, local, tokens } = await stage()
  const path = '/organisations/home/tokens/nightly'
  const refused = await mallory('POST', `${path}/rotate`, { overlapMinutes: 0 })
  assert.deepEqual([refused.status, refused.body['code'], refused.body['text']], [403, 'not-allowed', undefined])
  assert.equal(tokens.named('home', 'nightly')?.secrets.length, 1)
  assert.equal((await mallory('POST', '/organisations/home/tokens/none/rotate', {})).status, 404)
  for (const who of [alice, local]) assert.equal((await who('POST', `${path}/rotate`, {})).status, 200)
  assert.equal(tokens.named('home', 'nightly')?.maker, 'operator/alice', 'its maker is who made it')
  assert.equal((await mallory('DELETE', path)).status, 204, 'to take it away is theirs')
})
