import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyError, type OpenKeys, openKeys, rotateKeyEncryptionKey } from './index.ts'
import { type CrashMode, MemoryFolder, PowerCut, testEnvironment } from './testing/index.ts'

const MODES: readonly CrashMode[] = ['lost', 'kept', 'torn']

/** What a ring can open: the observable state that must be old or new, never between. */
function contentOf({ ring }: OpenKeys): string {
  return JSON.stringify(
    ring
      .list()
      .map((key) => [
        key.epoch,
        key.purpose,
        key.state,
        key.state === 'dropped' ? '' : Buffer.from(ring.key(key.epoch).bytes).toString('hex'),
      ]),
  )
}

async function prepared(): Promise<MemoryFolder> {
  const folder = new MemoryFolder()
  const keys = await openKeys(folder, testEnvironment())
  await keys.ring.rotate('telemetry')
  await keys.ring.rotate('state')
  return folder.recover('lost')
}

const CHANGES: Readonly<Record<string, (keys: OpenKeys) => Promise<unknown>>> = {
  'a rotation': async ({ ring }) => ring.rotate('telemetry'),
  'a drop': async ({ ring }) => ring.drop(1),
  'a rewrap': async ({ ring, provider }) => ring.rewrap(provider),
  'a rotation of the key-encryption key': rotateKeyEncryptionKey,
}

for (const [name, change] of Object.entries(CHANGES)) {
  test(`when the power goes during ${name}, at any step, the ring opens as before or as after`, async () => {
    let cuts = 0
    for (const mode of MODES) {
      for (let step = 0; ; step += 1) {
        const folder = await prepared()
        const keys = await openKeys(folder, testEnvironment())
        const before = contentOf(keys)
        folder.cutAfter(step)
        let isDone = false
        try {
          await change(keys)
          isDone = true
        } catch (error) {
          assert.ok(error instanceof KeyError ? error.cause instanceof PowerCut : error instanceof PowerCut)
        }
        const recovered = folder.recover(mode)
        const after = await openKeys(recovered, testEnvironment())
        const found = contentOf(after)
        if (isDone) assert.equal(found, contentOf(keys), `step ${step}, ${mode}: what was answered is there`)
        else if (found !== before) assert.equal(droppedOrAdded(before, found), true, `step ${step}, ${mode}`)
        // And it can go on from there.
        assert.equal(after.provider.isRotating, false)
        await after.ring.rotate('telemetry')
        await change(after)
        await openKeys(recovered.recover('lost'), testEnvironment())
        cuts += 1
        if (isDone) break
      }
    }
    assert.ok(cuts > 10, `${cuts} cuts`)
  })
}

test('when the power goes during the first start, at any step, the second start works', async () => {
  for (const mode of MODES) {
    for (let step = 0; step < 40; step += 1) {
      const folder = new MemoryFolder()
      folder.cutAfter(step)
      let first: string | undefined
      try {
        first = contentOf(await openKeys(folder, testEnvironment()))
      } catch (error) {
        assert.ok(error instanceof KeyError ? error.cause instanceof PowerCut : error instanceof PowerCut)
      }
      const second = await openKeys(folder.recover(mode), testEnvironment())
      if (first !== undefined) assert.equal(contentOf(second), first)
    }
  }
})

/** The only differences a change may leave: one key more with one retired, or one key become a tombstone. */
function droppedOrAdded(before: string, after: string): boolean {
  const old = JSON.parse(before) as [number, string, string, string][]
  const now = JSON.parse(after) as [number, string, string, string][]
  if (now.length === old.length + 1) {
    return old.every(([epoch, , , bytes], index) => now[index]?.[0] === epoch && now[index]?.[3] === bytes)
  }
  const changed = old.filter(([, , state], index) => now[index]?.[2] !== state)
  return now.length === old.length && changed.length === 1 && now[0]?.[2] === 'dropped'
}
