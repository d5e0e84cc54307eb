import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { Twin } from './twin.ts'
import { formatDesiredPatch, formatDeviceTwin, formatTwin, type TwinView } from './twin-document.ts'

const TWIN: Twin = {
  version: 7,
  etag: 'AAAAAAAAAAE=',
  tags: '{"a":1}',
  desired: { properties: '{"on":true}', metadata: '{"$lastUpdated":"t"}', version: 4 },
  reported: { properties: '{}', metadata: '{"$lastUpdated":"u"}', version: 3 },
}
const VIEW: TwinView = {
  deviceId: 'a"b',
  twin: TWIN,
  deviceEtag: 'e',
  status: 'enabled',
  statusUpdatedTime: timestampOf(0),
  connectionState: 'Disconnected',
  cloudToDeviceMessageCount: 2,
  authenticationType: 'none',
  x509Thumbprint: {},
  capabilities: { iotEdge: true },
}

test('a device sees its properties and their versions, nothing else', () => {
  assert.equal(formatDeviceTwin(TWIN), '{"desired":{"on":true,"$version":4},"reported":{"$version":3}}')
})

test('a push is the patch with its version', () => {
  assert.equal(formatDesiredPatch('{"a":null}', 9), '{"a":null,"$version":9}')
  assert.equal(formatDesiredPatch('{}', 9), '{"$version":9}')
})

test('the document of a service has everything (azure-iot.md §8)', () => {
  const least = JSON.parse(formatTwin(VIEW))
  assert.deepEqual(least, {
    deviceId: 'a"b',
    etag: 'AAAAAAAAAAE=',
    deviceEtag: 'e',
    status: 'enabled',
    statusUpdateTime: '1970-01-01T00:00:00.000Z',
    connectionState: 'Disconnected',
    lastActivityTime: '0001-01-01T00:00:00Z',
    cloudToDeviceMessageCount: 2,
    authenticationType: 'none',
    x509Thumbprint: { primaryThumbprint: null, secondaryThumbprint: null },
    modelId: '',
    version: 7,
    tags: { a: 1 },
    properties: {
      desired: { on: true, $metadata: { $lastUpdated: 't' }, $version: 4 },
      reported: { $metadata: { $lastUpdated: 'u' }, $version: 3 },
    },
    capabilities: { iotEdge: true },
  })
  const more = JSON.parse(
    formatTwin({
      ...VIEW,
      moduleId: 'm',
      statusReason: 'why',
      lastActivityTime: timestampOf(1),
      x509Thumbprint: { primaryThumbprint: 'AB' },
      modelId: 'dtmi:x;1',
      deviceScope: 's',
      parentScopes: ['p'],
    }),
  )
  assert.deepEqual(
    [more.moduleId, more.statusReason, more.lastActivityTime, more.modelId, more.deviceScope, more.parentScopes],
    ['m', 'why', '1970-01-01T00:00:00.001Z', 'dtmi:x;1', 's', ['p']],
  )
  assert.deepEqual(more.x509Thumbprint, { primaryThumbprint: 'AB', secondaryThumbprint: null })
})
