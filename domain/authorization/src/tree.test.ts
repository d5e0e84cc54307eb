import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatNode, type Node, parseNode, type Resource } from './node.ts'
import { covers } from './tree.ts'

const DEVICE: Resource = { kind: 'device', deviceId: 'd', organisation: 'a', site: 's', fleet: 'f' }

test('what is given at a node holds for the node and for what is below it, and for nothing else', () => {
  const given: readonly (readonly [string, readonly boolean[]])[] = [
    // the organisation, its site, the fleet, the device, another organisation, the hub
    ['organisation/a', [true, true, true, true, false, true]],
    ['organisation/b', [false, false, false, false, true, false]],
    ['site/a/s', [false, true, true, true, false, false]],
    ['site/a/t', [false, false, false, false, false, false]],
    ['fleet/a/s/f', [false, false, true, true, false, false]],
    ['fleet/a/s/g', [false, false, false, false, false, false]],
    ['device/d', [false, false, false, true, false, false]],
    ['device/e', [false, false, false, false, false, false]],
  ]
  const resources: readonly Resource[] = [
    { kind: 'organisation', organisation: 'a' },
    { kind: 'site', organisation: 'a', site: 's' },
    { kind: 'fleet', organisation: 'a', site: 's', fleet: 'f' },
    DEVICE,
    { kind: 'organisation', organisation: 'b' },
    { kind: 'hub' },
  ]
  for (const [text, expected] of given) {
    const node = parseNode(text)
    assert.ok(node !== undefined)
    assert.deepEqual(
      resources.map((resource) => covers(node, resource, 'a')),
      expected,
      text,
    )
  }
})

test('names of nodes are read as they are written, and nothing else is', () => {
  const nodes: readonly Node[] = [
    { kind: 'organisation', organisation: 'home' },
    { kind: 'site', organisation: 'home', site: 'plant-1' },
    { kind: 'fleet', organisation: 'home', site: 'plant-1', fleet: '0' },
    { kind: 'device', deviceId: 'a/b:c' },
  ]
  for (const node of nodes) assert.deepEqual(parseNode(formatNode(node)), node)
  for (const text of [
    '',
    'home',
    'organisation/',
    'organisation/Home',
    'organisation/-a',
    'organisation/a-',
    'organisation/a/b',
    'site/a',
    'site/a/b/c',
    'fleet/a/b',
    'fleet/a/b/c/d',
    'device/',
    `device/${'x'.repeat(129)}`,
    'hub',
    'hub/hub',
    'site/a/../b',
    `organisation/${'a'.repeat(64)}`,
    '__proto__/a',
    'organisation/a\n',
  ]) {
    assert.equal(parseNode(text), undefined, text)
  }
})
