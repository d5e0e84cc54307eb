import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { openKeys } from '@holdfast/keys'
import { MemoryFolder, PowerCut, standingClock, testEnvironment } from '@holdfast/keys/testing'
import { verifyChain } from '@holdfast/pki'
import { HubAuthority } from '../hub-authority.ts'
import { AuthorityError } from './errors.ts'

const DAY_MS = 86_400_000
const PASSPHRASE = Buffer.from('a passphrase of the tests')

async function world() {
  const clock = standingClock()
  const environment = testEnvironment(clock)
  const { ring } = await openKeys(new MemoryFolder(), environment)
  const open = (folder: MemoryFolder): Promise<HubAuthority> =>
    HubAuthority.open({
      folder,
      ring,
      clock,
      random: environment.random,
      events: () => undefined,
      recordFirst: (_event, act) => act(),
      hostNames: ['hub'],
    })
  return { clock, open, folder: new MemoryFolder() }
}

/** Whether a client that trusts this root alone takes what the listeners show. */
function takes(authority: HubAuthority, root: { readonly der: Uint8Array }, now: number): boolean {
  const shown = authority.material().certificate.split(/(?<=-----END CERTIFICATE-----\n)/)
  const [leaf, ...intermediates] = shown.filter((pem) => pem !== '').map((pem) => new X509Certificate(pem).raw)
  assert.ok(leaf !== undefined)
  const anchors = [...authority.roots, ...gone].filter((it) => Buffer.from(it.der).equals(root.der))
  const chain = { leaf, intermediates, anchors, now: now as never, purpose: 'server' as const }
  return verifyChain(chain).kind === 'trusted'
}
/** Roots that a hub has retired, and clients still trust. */
const gone: HubAuthority['roots'][number][] = []

const isCode = (code: string) => (error: unknown) => error instanceof AuthorityError && error.code === code

test('while roots roll over, whoever trusts either takes the new chain, for the old root vouches for it', async () => {
  const { clock, open, folder } = await world()
  const authority = await open(folder)
  const [old] = authority.roots
  assert.ok(old !== undefined)
  gone.push(old)
  await authority.beginRollover({}, 'operator')
  const [, next] = authority.roots
  assert.ok(next !== undefined)
  const trust = (): readonly boolean[] => [old, next].map((root) => takes(authority, root, clock.wall()))
  assert.deepEqual(trust(), [true, false])
  await authority.switchRollover('crossed', 'operator')
  assert.deepEqual(trust(), [true, true])
  await authority.switchRollover('new', 'operator')
  assert.deepEqual(trust(), [false, true])
  await authority.backRollover('operator')
  assert.deepEqual(trust(), [true, false])
})

test('certificates for devices come from the new authority at once, and count after the way back', async () => {
  const { open, folder } = await world()
  const authority = await open(folder)
  const before = authority.issuing.certificate
  await authority.beginRollover({}, 'operator')
  const after = authority.issuing.certificate
  assert.notEqual(after.sha256Thumbprint, before.sha256Thumbprint)
  assert.deepEqual(authority.chain[1], authority.roots[1])
  assert.deepEqual(authority.issuers, [after, before])
  await authority.backRollover('operator')
  assert.equal(authority.issuing.certificate, before)
  assert.deepEqual(authority.issuers, [before, after])
  assert.equal(authority.roots.length, 1)
  // Until nothing that it issued is in use.
  await authority.dropUnused(async () => true)
  assert.equal(authority.issuers.length, 2)
  await authority.dropUnused(async () => false)
  assert.deepEqual(authority.issuers, [before])
})

test('a roll-over lasts over restarts at every step, and what is retired stays so', async () => {
  const it = await world()
  let authority = await it.open(it.folder)
  const restarted = async () => {
    const { rollover, roots, issuers } = authority
    const before = { rollover, roots: roots.map((root) => root.sha256Thumbprint), shown: authority.material() }
    authority = await it.open(it.folder.recover('lost'))
    const { rollover: same } = authority
    const after = {
      rollover: same,
      roots: authority.roots.map((root) => root.sha256Thumbprint),
      shown: authority.material(),
    }
    assert.deepEqual(after, before)
    assert.equal(authority.issuers.length, issuers.length)
    authority = await it.open(it.folder)
  }
  await authority.beginRollover({}, 'operator')
  await restarted()
  await authority.switchRollover('crossed', 'operator')
  await restarted()
  const retired = await authority.finishRollover('operator')
  assert.equal(retired.length, 1)
  await restarted()
  assert.equal(authority.rootsShown.length, 1)
  for (const name of ['root-bundle.json', 'issuing.json']) {
    assert.doesNotMatch(Buffer.from(it.folder.peek(name) ?? []).toString(), /sealed|handle/)
  }
})

test('steps that do not fit are refused, and change nothing', async () => {
  const { open, folder } = await world()
  const authority = await open(folder)
  await assert.rejects(authority.switchRollover('new', 'operator'), isCode('no-rollover'))
  await assert.rejects(authority.backRollover('operator'), isCode('no-rollover'))
  await assert.rejects(authority.finishRollover('operator'), isCode('no-rollover'))
  await assert.rejects(
    authority.beginRollover({ passphrase: Buffer.from('short') }, 'operator'),
    isCode('bad-passphrase'),
  )
  assert.equal(authority.rollover, undefined)
  folder.unlink('root-bundle.json')
  await authority.beginRollover({}, 'operator')
  await assert.rejects(authority.beginRollover({}, 'operator'), isCode('rollover-under-way'))
  await assert.rejects(authority.switchRollover('crossed', 'operator'), isCode('root-key-away'))
  await assert.rejects(authority.finishRollover('operator'), isCode('not-switched'))
  assert.deepEqual(
    [authority].map((it) => it.rollover?.serving),
    ['old'],
  )
})

test('as many roots count at once as the bound says', async () => {
  const { open, folder } = await world()
  const authority = await open(folder)
  for (let count = 1; count < 8; count += 1) {
    await authority.beginRollover({}, 'operator')
    await authority.backRollover('operator')
  }
  await assert.rejects(authority.beginRollover({}, 'operator'), isCode('too-many-authorities'))
  assert.equal(authority.rollover, undefined)
})

const STEPS: Readonly<Record<string, (authority: HubAuthority) => Promise<unknown>>> = {
  begin: (authority) => authority.beginRollover({}, 'operator'),
  switch: (authority) => authority.switchRollover('crossed', 'operator'),
  back: (authority) => authority.backRollover('operator'),
  finish: (authority) => authority.finishRollover('operator'),
  'use of the root': (authority) => authority.useRoot({ revokes: true }, 'operator'),
}
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  switch: ['begin'],
  back: ['begin', 'switch'],
  finish: ['begin', 'switch'],
}

for (const [name, step] of Object.entries(STEPS)) {
  test(`power that goes at any moment of ${name} leaves an authority of before or of after, whole`, async () => {
    const { open, clock } = await world()
    const prepared = async (): Promise<{ folder: MemoryFolder; authority: HubAuthority }> => {
      const folder = new MemoryFolder()
      const authority = await open(folder)
      for (const earlier of BEFORE[name] ?? []) await STEPS[earlier]?.(authority)
      return { folder, authority }
    }
    const { folder: whole, authority: undisturbed } = await prepared()
    const begun = whole.steps
    await step(undisturbed)
    const steps = whole.steps - begun
    assert.ok(steps > 3)
    // Every fifth moment, and each in the course of the others: one write has four.
    for (let cut = 0; cut < steps; cut += 5) {
      const { folder, authority } = await prepared()
      const root = authority.roots[0]
      folder.cutAfter(cut)
      // Overwriting what nobody needs is an extra, and fails quietly.
      await step(authority).catch((error: unknown) => assert.ok(error instanceof PowerCut))
      for (const mode of ['lost', 'kept'] as const) {
        const recovered = folder.recover(mode)
        const again = await open(recovered)
        assert.ok(
          again.roots.some((it) => takes(again, it, clock.wall())),
          `${name} ${cut} ${mode}`,
        )
        assert.ok(again.roots.some((it) => it.sha256Thumbprint === root?.sha256Thumbprint) || name === 'finish')
        // What the state does not name has no key in the folder.
        const numbers = new Set(again.rootsShown.map(({ generation }) => generation))
        for (let number = 1; number < 12; number += 1) {
          const bundle = recovered.peek(number === 1 ? 'root-bundle.json' : `root-bundle-${number}.json`)
          if (bundle === undefined || numbers.has(number)) continue
          assert.doesNotMatch(Buffer.from(bundle).toString(), /sealed/, `${name} ${cut} ${mode}: ${number}`)
        }
        // It goes on.
        if (again.rollover === undefined) await again.beginRollover({}, 'operator')
        await again.switchRollover(again.crossCertificates.length > 0 ? 'crossed' : 'new', 'operator')
        await again.finishRollover('operator')
      }
    }
  })
}

test('the root is carried away as a bundle that opens with its passphrase alone, and comes back to make an authority', async () => {
  const { open, folder, clock } = await world()
  let authority = await open(folder)
  const bundle = await authority.exportRoot(PASSPHRASE, 'operator')
  await assert.rejects(authority.exportRoot(Buffer.from('short'), 'operator'), isCode('bad-passphrase'))
  const wrong = { bundle, passphrase: Buffer.from('another passphrase') }
  await assert.rejects(authority.removeRoot(wrong, 'operator'), isCode('wrong-passphrase'))
  await assert.rejects(authority.useRoot({ brought: wrong }, 'operator'), isCode('wrong-passphrase'))
  await authority.removeRoot({ bundle, passphrase: PASSPHRASE }, 'operator')
  assert.deepEqual(
    authority.rootsShown.map(({ place }) => place),
    ['away'],
  )
  assert.doesNotMatch(Buffer.from(folder.peek('root-bundle.json') ?? []).toString(), /sealed/)
  await assert.rejects(authority.useRoot({}, 'operator'), isCode('root-key-away'))
  await assert.rejects(authority.exportRoot(PASSPHRASE, 'operator'), isCode('root-key-away'))

  clock.advance(1_300 * DAY_MS)
  authority = await open(folder)
  assert.equal(authority.isRootKeyNeeded, true)
  await authority.useRoot({ brought: { bundle, passphrase: PASSPHRASE } }, 'operator')
  assert.equal(authority.isRootKeyNeeded, false)
  assert.equal(authority.rootsShown[0]?.place, 'away')
  const [root] = authority.roots
  assert.ok(root !== undefined && takes(authority, root, clock.wall()))
  // The one before it counts until it has ended, and goes then.
  assert.equal(authority.issuers.length, 2)
  clock.advance(540 * DAY_MS)
  await authority.renewIfDue()
  assert.equal(authority.issuers.length, 1)

  const other = await world()
  const elsewhere = await other.open(other.folder)
  await assert.rejects(elsewhere.verifyBundle({ bundle, passphrase: PASSPHRASE }), isCode('wrong-bundle'))
  for (const text of ['', '{}', 'null', bundle.slice(0, -9), '['.repeat(10_000)]) {
    await assert.rejects(authority.verifyBundle({ bundle: text, passphrase: PASSPHRASE }), isCode('wrong-bundle'))
  }
})

test('a new root is vouched for by an old one whose bundle is brought, and by that of no other', async () => {
  const { open, folder } = await world()
  const authority = await open(folder)
  const old = { bundle: await authority.exportRoot(PASSPHRASE, 'operator'), passphrase: PASSPHRASE }
  await authority.removeRoot(old, 'operator')
  const other = await world()
  const elsewhere = await (await other.open(other.folder)).exportRoot(PASSPHRASE, 'operator')
  const foreign = { bundle: elsewhere, passphrase: PASSPHRASE }
  await assert.rejects(authority.beginRollover({ old: foreign }, 'operator'), isCode('wrong-bundle'))
  assert.equal(authority.rollover, undefined)
  await authority.beginRollover({ old, passphrase: PASSPHRASE }, 'operator')
  assert.equal(authority.crossCertificates.length, 1)
  assert.deepEqual(
    authority.rootsShown.map(({ place, isCrossSigned }) => [place, isCrossSigned]),
    [
      ['away', false],
      ['passphrase', true],
    ],
  )
})
