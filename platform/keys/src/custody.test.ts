import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import {
  type HomeWish,
  type KeyCustody,
  KeyCustody as Custody,
  KeyError,
  type KeyHomeKinds,
  openKeys,
  passphraseHomes,
} from './index.ts'
import { type CrashMode, MemoryFolder, PowerCut, testEnvironment } from './testing/index.ts'

const MODES: readonly CrashMode[] = ['lost', 'kept', 'torn']
const PASSPHRASE = randomBytes(24).toString('base64')
/** Quick, for it guards nothing. */
const CHEAP = { memoryKiB: 8, passes: 1, lanes: 1 }
const PASSPHRASE_HOME: HomeWish = { kind: 'passphrase', settings: {} }
const FILE_HOME: HomeWish = { kind: 'file', settings: {} }

function kindsOf(folder: MemoryFolder, passphrase = PASSPHRASE): KeyHomeKinds {
  const secret = async (): Promise<Uint8Array> => Buffer.from(passphrase)
  return { passphrase: passphraseHomes({ folder, environment: testEnvironment(), secret, cost: CHEAP }) }
}

function open(folder: MemoryFolder, first?: HomeWish, passphrase?: string): Promise<KeyCustody> {
  const environment = testEnvironment()
  return Custody.open({ folder, environment, kinds: kindsOf(folder, passphrase), ...(first && { first }) })
}

/** What the ring opens, which no move may change. */
function contentOf({ ring }: KeyCustody): string {
  return JSON.stringify(ring.list().map(({ epoch }) => [epoch, Buffer.from(ring.key(epoch).bytes).toString('hex')]))
}

const names = (folder: MemoryFolder): readonly string[] => folder.names().filter((name) => !name.endsWith('.new'))

test('keys of the last release, a machine file alone, open as they are', async () => {
  const folder = new MemoryFolder()
  const old = await openKeys(folder, testEnvironment())
  const custody = await open(folder)
  assert.equal(custody.home.kind, 'file')
  assert.equal(custody.home.id, old.provider.id)
  assert.deepEqual(custody.ring.current('state').bytes, old.ring.current('state').bytes)
  assert.deepEqual(names(folder), ['kek.json', 'ring.json'])
})

test('a first start without a wish asks nothing and makes the machine file', async () => {
  const folder = new MemoryFolder()
  const custody = await open(folder)
  assert.equal(custody.home.kind, 'file')
  assert.match(custody.home.id, /^file:[0-9a-f]{16}$/)
})

test('a first start with a passphrase never has a machine file', async () => {
  const folder = new MemoryFolder()
  const first = await open(folder, PASSPHRASE_HOME)
  const again = await open(folder)
  assert.equal(again.home.id, first.home.id)
  assert.equal(contentOf(again), contentOf(first))
  assert.equal(folder.peek('kek.json'), undefined)
})

test('keys move to a passphrase, to another passphrase, and back to a file; each home is destroyed when it is left', async () => {
  const folder = new MemoryFolder()
  let custody = await open(folder)
  const content = contentOf(custody)
  const first = await custody.move(PASSPHRASE_HOME)
  assert.equal(folder.peek('kek.json'), undefined)
  custody = await open(folder)
  assert.equal(custody.home.id, first.id)
  assert.equal(contentOf(custody), content)
  const other = randomBytes(24).toString('base64')
  const second = await custody.move(PASSPHRASE_HOME, { secret: Buffer.from(other) })
  assert.notEqual(second.id, first.id)
  await assert.rejects(open(folder), (error) => error instanceof KeyError && error.code === 'refused')
  custody = await open(folder, undefined, other)
  assert.equal(contentOf(custody), content)
  await custody.move(FILE_HOME)
  custody = await open(folder)
  assert.equal(custody.home.kind, 'file')
  assert.equal(contentOf(custody), content)
  assert.deepEqual(names(folder), ['homes.json', 'kek.json', 'ring.json'])
})

test('neither passphrase nor keys stand in any file', async () => {
  const folder = new MemoryFolder()
  const custody = await open(folder, PASSPHRASE_HOME)
  const secrets = [Buffer.from(PASSPHRASE), ...custody.ring.usable('state').map(({ bytes }) => Buffer.from(bytes))]
  for (const name of folder.names()) {
    const text = Buffer.from(folder.peek(name) ?? [])
    for (const secret of secrets) {
      for (const form of [secret, secret.toString('base64'), secret.toString('hex')]) assert.ok(!text.includes(form))
    }
  }
})

test('a wrong, a short and an overlong passphrase are refused, in words', async () => {
  const folder = new MemoryFolder()
  await assert.rejects(open(folder, PASSPHRASE_HOME, 'short'), /at least 12 bytes/)
  await assert.rejects(open(folder, PASSPHRASE_HOME, 'x'.repeat(2_000)), /at most 1024 bytes/)
  await open(folder, PASSPHRASE_HOME)
  await assert.rejects(open(folder, undefined, 'something else altogether'), (error) => {
    assert.ok(error instanceof KeyError)
    assert.equal(error.code, 'refused')
    assert.match(error.message, /not the one/)
    assert.ok(!error.message.includes('altogether'))
    return true
  })
})

test('a passphrase file that was edited, or asks for too much memory, is damaged and is not tried', async () => {
  const folder = new MemoryFolder()
  const { home } = await open(folder, PASSPHRASE_HOME)
  const name = `kek-${home.id.slice('passphrase:'.length)}.json`
  const text = Buffer.from(folder.peek(name) ?? []).toString()
  for (const bad of [
    text.replace('"memoryKiB": 8', '"memoryKiB": 99999999999'),
    text.replace('"passes": 1', '"passes": 2'),
    text.replace(/"salt": "./, '"salt": "!'),
    text.slice(0, 80),
    '{}',
  ]) {
    folder.plant(name, Buffer.from(bad))
    await assert.rejects(open(folder), (error) => error instanceof KeyError && error.code === 'damaged', bad)
  }
  folder.plant(name, Buffer.from(text), 0o644)
  await assert.rejects(open(folder), (error) => error instanceof KeyError && error.code === 'exposed')
  folder.unlink(name)
  await assert.rejects(open(folder), (error) => error instanceof KeyError && error.code === 'missing')
})

test('a list of homes that is damaged, newer, or names others is refused', async () => {
  const folder = new MemoryFolder()
  const { home } = await open(folder, PASSPHRASE_HOME)
  const text = Buffer.from(folder.peek('homes.json') ?? []).toString()
  for (const [bad, code] of [
    [text.replace('"kind": "passphrase"', '"kind": "cloud"'), 'damaged'],
    [text.replace('"version": 1', '"version": 2'), 'newer'],
    [text.replace('"settings": {}', '"settings": {"a b": "c"}'), 'damaged'],
    [text.replace('"settings": {}', '"settings": {"a": "\\u0000"}'), 'damaged'],
    [text.replace('"settings"', '"pin": "1", "settings"'), 'damaged'],
    [text.replace(home.id, 'passphrase:0000000000000000'), 'foreign'],
    ['[]', 'damaged'],
  ] as const) {
    folder.plant('homes.json', Buffer.from(bad))
    await assert.rejects(open(folder), (error) => error instanceof KeyError && error.code === code, bad)
  }
})

const CHANGES: Readonly<Record<string, (custody: KeyCustody) => Promise<unknown>>> = {
  'a move to a passphrase': (custody) => custody.move(PASSPHRASE_HOME),
  'a move to a file': (custody) => custody.move(FILE_HOME),
  'a rotation of the key-encryption key': (custody) => custody.rotateKeyEncryptionKey(),
}
const STARTS: readonly HomeWish[] = [FILE_HOME, PASSPHRASE_HOME]

for (const [name, change] of Object.entries(CHANGES)) {
  for (const start of STARTS) {
    test(`when the power goes during ${name} from a ${start.kind}, at any step, the next start has every key`, async () => {
      let cuts = 0
      for (const mode of MODES) {
        for (let step = 0; ; step += 1) {
          const made = new MemoryFolder()
          await open(made, start)
          const folder = made.recover('lost')
          const custody = await open(folder)
          const content = contentOf(custody)
          folder.cutAfter(step)
          let isDone = false
          try {
            await change(custody)
            isDone = custody.leftovers.length === 0
          } catch (error) {
            assert.ok(error instanceof KeyError ? error.cause instanceof PowerCut : error instanceof PowerCut)
          }
          const recovered = folder.recover(mode)
          const after = await open(recovered)
          assert.equal(contentOf(after), content, `step ${step}, ${mode}`)
          if (isDone) assert.equal(after.home.id, custody.home.id, `step ${step}, ${mode}: what was answered holds`)
          // Nothing is left of the other home, and it can go on from there.
          assert.deepEqual(after.leftovers, [])
          assert.equal(recovered.names().filter((file) => /^kek.*json$/.test(file)).length, 1, `step ${step}, ${mode}`)
          await change(after)
          assert.equal(contentOf(await open(recovered.recover('lost'))), content)
          cuts += 1
          if (isDone) break
        }
      }
      assert.ok(cuts > 10 || (start.kind === 'file' && name.endsWith('a file')), `${cuts} cuts`)
    })
  }
}

test('when one operation of the disk fails during a move, and the hub goes on, no key is lost at the next start', async () => {
  let failures = 0
  for (let step = 0; ; step += 1) {
    const folder = new MemoryFolder()
    const custody = await open(folder)
    const content = contentOf(custody)
    folder.failOnce(step, new Error('EIO'))
    let hasFailed = false
    try {
      await custody.move(PASSPHRASE_HOME)
    } catch (error) {
      assert.ok(error instanceof KeyError, String(error))
      hasFailed = true
    }
    const isOver = !folder.isFailing
    folder.failOnce(Number.POSITIVE_INFINITY, new Error('none'))
    for (const mode of MODES) {
      assert.equal(contentOf(await open(folder.recover(mode))), content, `operation ${step}, ${mode}`)
    }
    // The same process goes on: a key more, then the next try.
    await custody.ring.rotate('telemetry')
    const now = contentOf(custody)
    assert.equal(contentOf(await open(folder.recover('lost'))), now, `operation ${step}`)
    await custody.move(PASSPHRASE_HOME)
    assert.deepEqual(custody.leftovers, [])
    assert.equal(contentOf(await open(folder.recover('lost'))), now, `operation ${step}`)
    if (hasFailed) failures += 1
    if (!isOver) break
  }
  assert.ok(failures > 5, `${failures} failures`)
})
