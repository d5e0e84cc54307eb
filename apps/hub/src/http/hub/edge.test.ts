import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, hubStage } from '../../testing/hub-stage.ts'

const ANY = { 'if-match': '"*"' }
const EDGE = { capabilities: { iotEdge: true } }

async function world() {
  const hub = await hubStage()
  return {
    ...hub,
    put: async (id: string, body: object, headers = {}): Promise<Record<string, unknown>> => {
      const { status, body: document } = await hub.local('PUT', `/devices/${id}`, body, headers)
      assert.equal(status, 200, JSON.stringify(document))
      return document as Record<string, unknown>
    },
    get: async (id: string): Promise<Record<string, unknown>> =>
      (await hub.local('GET', `/devices/${id}`)).body as Record<string, unknown>,
    refused: async (id: string, body: object, headers = {}): Promise<void> => {
      const answer = await hub.local('PUT', `/devices/${id}`, body, headers)
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'ArgumentInvalid'], JSON.stringify(body))
    },
  }
}

test('an edge device has a scope, a leaf shows its parent’s as its own', async () => {
  const hub = await world()
  const edge = await hub.put('edge', EDGE)
  assert.equal(edge['deviceScope'], `ms-azure-iot-edge://edge-${String(edge['generationId'])}`)
  assert.deepEqual([edge['capabilities'], edge['parentScopes']], [{ iotEdge: true }, undefined])
  const { deviceScope } = edge
  for (const [id, words] of [
    ['leaf-1', { deviceScope }],
    ['leaf-2', { parentScopes: [deviceScope] }],
    ['leaf-3', { deviceScope, parentScopes: [deviceScope] }],
  ] as const) {
    const leaf = await hub.put(id, words)
    assert.deepEqual([leaf['deviceScope'], leaf['parentScopes']], [deviceScope, [deviceScope]], id)
  }
  const bare = await hub.put('bare', {})
  assert.ok(!('deviceScope' in bare) && !('parentScopes' in bare))
})

test('a child edge device has a scope of its own beside its parent’s', async () => {
  const hub = await world()
  const top = await hub.put('top', EDGE)
  const child = await hub.put('child', { ...EDGE, parentScopes: [top['deviceScope']] })
  assert.equal(child['deviceScope'], `ms-azure-iot-edge://child-${String(child['generationId'])}`)
  assert.deepEqual(child['parentScopes'], [top['deviceScope']])
  // A document that was read is written back as it is.
  assert.deepEqual({ ...(await hub.put('child', child, ANY)), etag: child['etag'] }, child)
  // What is said of its own scope is not looked at: the hub makes it.
  const said = await hub.put('child', { ...child, deviceScope: 'mine' }, ANY)
  assert.deepEqual([said['deviceScope'], said['parentScopes']], [child['deviceScope'], child['parentScopes']])
})

test('a scope that no edge device has is an error, also of one that was deleted and made anew', async () => {
  const hub = await world()
  const first = await hub.put('edge', EDGE)
  await hub.put('leaf', { deviceScope: first['deviceScope'] })
  for (const deviceScope of [
    'c0ffee00-0000-4000-8000-000000000000',
    'ms-azure-iot-edge://edge-1',
    'ms-azure-iot-edge://',
    'ms-azure-iot-edge://leaf-1',
    `ms-azure-iot-edge://${'x'.repeat(100_00)}-1`,
  ]) {
    await hub.refused('leaf', { deviceScope }, ANY)
    await hub.refused('new', { deviceScope })
    await hub.refused('new', { ...EDGE, parentScopes: [deviceScope] })
  }
  await hub.local('DELETE', '/devices/edge', undefined, ANY)
  assert.ok(!('deviceScope' in (await hub.get('leaf'))), 'nobody is above it any more')
  await hub.put('edge', EDGE)
  await hub.refused('leaf', { deviceScope: first['deviceScope'] }, ANY)
})

test('a leaf changes its parent and leaves it; whichever field is changed counts', async () => {
  const hub = await world()
  const a = (await hub.put('a', EDGE))['deviceScope']
  const b = (await hub.put('b', EDGE))['deviceScope']
  let leaf = await hub.put('leaf', { deviceScope: a })
  leaf = await hub.put('leaf', { ...leaf, deviceScope: b }, ANY)
  assert.deepEqual([leaf['deviceScope'], leaf['parentScopes']], [b, [b]])
  leaf = await hub.put('leaf', { ...leaf, parentScopes: [a] }, ANY)
  assert.deepEqual([leaf['deviceScope'], leaf['parentScopes']], [a, [a]])
  leaf = await hub.put('leaf', { status: 'disabled' }, ANY)
  assert.equal(leaf['deviceScope'], a, 'what is not spoken of stays')
  leaf = await hub.put('leaf', { ...leaf, deviceScope: '', parentScopes: [] }, ANY)
  assert.ok(!('deviceScope' in leaf))
  await hub.refused('leaf', { deviceScope: a, parentScopes: [b] }, ANY)
})

test('an edge device that becomes a leaf is nobody’s parent; one that becomes an edge device gets a scope', async () => {
  const hub = await world()
  const edge = await hub.put('edge', EDGE)
  await hub.put('leaf', { deviceScope: edge['deviceScope'] })
  const plain = await hub.put('edge', { ...edge, capabilities: { iotEdge: false } }, ANY)
  assert.ok(!('deviceScope' in plain))
  assert.ok(!('deviceScope' in (await hub.get('leaf'))))
  await hub.refused('leaf', { deviceScope: edge['deviceScope'] }, ANY)
  assert.equal((await hub.put('edge', EDGE, ANY))['deviceScope'], edge['deviceScope'])
})

test('edge devices stand in no circle, and not too deep', async () => {
  const hub = await world()
  const scopes: unknown[] = []
  for (let layer = 0; layer < 6; layer += 1) {
    const parentScopes = layer === 0 ? [] : [scopes[layer - 1]]
    scopes.push((await hub.put(`e${layer}`, { ...EDGE, parentScopes }))['deviceScope'])
  }
  await hub.refused('e6', { ...EDGE, parentScopes: [scopes[5]] })
  await hub.refused('e0', { parentScopes: [scopes[0]] }, ANY)
  await hub.refused('e0', { parentScopes: [scopes[3]] }, ANY)
  // Two that would close a circle together: one of them is refused.
  const x = (await hub.put('x', EDGE))['deviceScope']
  const y = (await hub.put('y', EDGE))['deviceScope']
  const answers = await Promise.all([
    hub.local('PUT', '/devices/x', { parentScopes: [y] }, ANY),
    hub.local('PUT', '/devices/y', { parentScopes: [x] }, ANY),
  ])
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 400],
  )
})
