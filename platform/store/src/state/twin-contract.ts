/** What every implementation of the ports for twins and presence must do; run as `stateContract` is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { IdentityKey, IdentityStore } from '@holdfast/identity'
import type { Twin } from '@holdfast/iothub'
import type { ChangeStamp, TwinChange, TwinStore } from '@holdfast/twins'
import { device } from './contract.ts'
import type { PresenceStore } from './presence.ts'

export type TwinPorts = IdentityStore & TwinStore & PresenceStore

const absent = { kind: 'absent' } as const
const whatever = { kind: 'any' } as const
const KEY: IdentityKey = { deviceId: 'd' }
const MODULE: IdentityKey = { deviceId: 'd', moduleId: 'm' }

export function stampAt(at: number): ChangeStamp {
  return { at: timestampOf(at), etag: `e${at}` }
}

export function merge(patch: object): { readonly kind: 'merge'; readonly patch: string } {
  return { kind: 'merge', patch: JSON.stringify(patch) }
}

export function twinContract(
  name: string,
  open: () => Promise<{ readonly store: TwinPorts; close(): Promise<void> }>,
): void {
  function rule(text: string, check: (store: TwinPorts) => Promise<void>): void {
    test(`${name}: ${text}`, async () => {
      const { store, close } = await open()
      try {
        await check(store)
      } finally {
        await close()
      }
    })
  }

  async function changed(store: TwinStore, key: IdentityKey, change: TwinChange, at: number): Promise<Twin> {
    const outcome = await store.changeTwin(key, change, stampAt(at))
    assert.ok(outcome.kind === 'changed', outcome.kind)
    return outcome.twin
  }

  rule('every identity has a twin, made and deleted with it', async (store) => {
    assert.equal(await store.readTwin(KEY), undefined)
    await store.writeIdentity(device('d'), absent)
    await store.writeIdentity(device('d', { moduleId: 'm' }), absent)
    for (const key of [KEY, MODULE]) {
      const twin = await store.readTwin(key)
      assert.ok(twin !== undefined)
      const { etag, ...rest } = twin
      assert.match(etag, /^[A-Za-z0-9+/]{11}=$/)
      const section = { properties: '{}', metadata: '{"$lastUpdated":"1970-01-01T00:00:00.900Z"}', version: 1 }
      assert.deepEqual(rest, { version: 1, tags: '{}', desired: section, reported: section })
    }
    await store.writeIdentity(device('d', { etag: 'e2' }), whatever)
    await changed(store, KEY, { tags: merge({ a: 1 }) }, 1)
    await store.writeIdentity(device('d', { etag: 'e3' }), whatever)
    assert.equal((await store.readTwin(KEY))?.tags, '{"a":1}', 'a write to the identity leaves the twin')
    await store.deleteIdentity(KEY, whatever)
    assert.equal(await store.readTwin(KEY), undefined)
    assert.equal(await store.readTwin(MODULE), undefined)
  })

  rule('a twin made again has another ETag', async (store) => {
    await store.writeIdentity(device('d'), absent)
    const first = await store.readTwin(KEY)
    await store.deleteIdentity(KEY, whatever)
    await store.writeIdentity(device('d', { generationId: 'g2' }), absent)
    assert.notEqual((await store.readTwin(KEY))?.etag, first?.etag)
  })

  rule('what was changed is what is read', async (store) => {
    await store.writeIdentity(device('d'), absent)
    const change = { tags: merge({ site: 'Köln 😀' }), desired: merge({ a: { b: [1, '\u0000'] } }) }
    const twin = await changed(store, KEY, change, 5)
    assert.deepEqual(await store.readTwin(KEY), twin)
    assert.deepEqual([twin.version, twin.desired.version, twin.reported.version, twin.etag], [2, 2, 1, 'e5'])
    assert.equal(twin.desired.properties, '{"a":{"b":[1,"\\u0000"]}}')
    const reported = await changed(store, KEY, { reported: merge({ x: true }) }, 6)
    assert.deepEqual(await store.readTwin(KEY), reported)
    assert.deepEqual([reported.version, reported.reported.version, reported.etag], [3, 2, 'e5'])
  })

  rule('a change that does not fit changes nothing', async (store) => {
    assert.deepEqual(await store.changeTwin(KEY, { tags: merge({ a: 1 }) }, stampAt(1)), { kind: 'missing' })
    await store.writeIdentity(device('d'), absent)
    const before = await store.readTwin(KEY)
    const outcomes = await Promise.all([
      store.changeTwin(KEY, { tags: merge({ a: 1 }), expected: { etag: 'no' } }, stampAt(1)),
      store.changeTwin(KEY, { reported: merge({ a: 1 }), expected: { reportedVersion: 2 } }, stampAt(1)),
      store.changeTwin(
        KEY,
        { tags: merge({ a: 1 }), desired: merge({ a: Array(9).fill('x'.repeat(4_000)) }) },
        stampAt(1),
      ),
    ])
    assert.deepEqual(outcomes, [
      { kind: 'etag-mismatch' },
      { kind: 'version-mismatch' },
      { kind: 'too-large', section: 'desired' },
    ])
    assert.deepEqual(await store.readTwin(KEY), before)
  })

  rule('changes at the same time come out one after the other, in the order of their versions', async (store) => {
    await store.writeIdentity(device('d'), absent)
    const versions: number[] = []
    await Promise.all(
      Array.from({ length: 300 }, async (_, at) => {
        const twin = await changed(store, KEY, { desired: merge({ [`k${at % 7}`]: at }) }, at)
        versions.push(twin.desired.version)
      }),
    )
    assert.deepEqual(
      versions,
      Array.from({ length: 300 }, (_, at) => at + 2),
    )
  })

  rule('of two that expect the same ETag one wins', async (store) => {
    await store.writeIdentity(device('d'), absent)
    const etag = (await store.readTwin(KEY))?.etag ?? ''
    const outcomes = await Promise.all(
      [1, 2, 3].map((at) => store.changeTwin(KEY, { tags: merge({ at }), expected: { etag } }, stampAt(at))),
    )
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['changed', 'etag-mismatch', 'etag-mismatch'],
    )
    assert.equal((await store.readTwin(KEY))?.tags, '{"at":1}')
  })

  rule('an initial twin replaces what is there, and versions go up', async (store) => {
    await store.writeTwin(KEY, { tags: '{}', desired: '{}' })
    assert.equal(await store.readTwin(KEY), undefined, 'a twin of nobody is not kept')
    await store.writeIdentity(device('d'), absent)
    const before = await changed(store, KEY, { reported: merge({ a: 1 }), desired: merge({ b: 1 }) }, 1)
    await store.writeTwin(KEY, { tags: '{"site":"a"}', desired: '{"on":true}' })
    const twin = await store.readTwin(KEY)
    assert.deepEqual(
      [twin?.version, twin?.tags, twin?.desired.properties, twin?.desired.version, twin?.reported.properties],
      [3, '{"site":"a"}', '{"on":true}', 3, '{}'],
    )
    assert.equal(twin?.reported.version, 3)
    assert.notEqual(twin?.etag, before.etag)
    await assert.rejects(store.writeTwin(KEY, { tags: '{', desired: '{}' }))
    await assert.rejects(store.writeTwin(KEY, { tags: `{"a":"${'x'.repeat(9_000)}"}`, desired: '{}' }), TypeError)
    assert.deepEqual(await store.readTwin(KEY), twin)
  })

  rule('presence is kept of the identity that was there, and goes with it', async (store) => {
    const lastActivity = timestampOf(7)
    const connection = { isConnected: true, since: timestampOf(5), modelId: 'dtmi:a;1', generationId: 'g-d' }
    const shown = { isConnected: true, since: 5, lastActivity, modelId: 'dtmi:a;1' }
    await store.writePresence([{ ...KEY, lastActivity, connection }])
    assert.deepEqual(await store.readPresence([KEY]), [undefined])
    await store.writeIdentity(device('d'), absent)
    await store.writeIdentity(device('d', { moduleId: 'm' }), absent)
    await store.writePresence([
      { ...KEY, lastActivity, connection },
      { ...MODULE, lastActivity },
    ])
    assert.deepEqual(await store.readPresence([MODULE, { deviceId: 'x' }, KEY]), [
      { ...MODULE, isConnected: false, lastActivity },
      undefined,
      { ...KEY, ...shown },
    ])
    await store.writePresence([
      { ...KEY, lastActivity, connection: { ...connection, isConnected: false, generationId: 'another' } },
    ])
    assert.deepEqual(await store.readPresence([KEY]), [{ ...KEY, ...shown }], 'of an identity of before')
    await store.writePresence([{ ...KEY, lastActivity: timestampOf(9) }])
    assert.deepEqual(await store.readPresence([KEY]), [{ ...KEY, ...shown, lastActivity: 9 }])
    const { modelId: _, ...without } = { ...connection, isConnected: false, since: timestampOf(10) }
    await store.writePresence([{ ...KEY, lastActivity: timestampOf(9), connection: without }])
    assert.deepEqual(await store.readPresence([KEY]), [{ ...KEY, isConnected: false, since: 10, lastActivity: 9 }])
    await store.deleteIdentity(KEY, whatever)
    assert.deepEqual(await store.readPresence([KEY, MODULE]), [undefined, undefined])
  })
}
