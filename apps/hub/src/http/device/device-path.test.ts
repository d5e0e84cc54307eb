import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HubError } from '../hub/errors.ts'
import { isDevicePath, parseDevicePath } from './device-path.ts'

test('the addresses of §4, with stray slashes and in any case', () => {
  for (const [path, address] of [
    ['/devices/d/messages/events', { kind: 'events' }],
    ['/Devices/d/Messages/Events/', { kind: 'events' }],
    ['/devices/d/messages/devicebound', { kind: 'receive' }],
    ['/devices/d/messages/deviceBound/a%2Fb', { kind: 'settle', lockToken: 'a/b' }],
    ['/devices/d/messages/devicebound/l/abandon', { kind: 'abandon', lockToken: 'l' }],
    ['/devices/d/files/', { kind: 'grant' }],
    ['//devices//d//files', { kind: 'grant' }],
    ['/devices/d/files/notifications', { kind: 'notify' }],
    ['/devices/d/files/notifications/c%2B', { kind: 'notify', correlationId: 'c+' }],
  ] as const) {
    assert.ok(isDevicePath(path), path)
    assert.deepEqual(parseDevicePath(path), { deviceId: 'd', address })
  }
  assert.equal(parseDevicePath('/devices/a%25%23/files').deviceId, 'a%#')
})

test('attestation has four addresses, and a module none', () => {
  for (const [path, kind] of [
    ['/devices/d/attestation/keys', 'attestation-keys'],
    ['//devices/d//Attestation/Keys/activate/', 'attestation-activate'],
    ['/devices/d/attestation/challenge', 'attestation-challenge'],
    ['/devices/d/attestation/evidence', 'attestation-evidence'],
  ] as const) {
    assert.ok(isDevicePath(path), path)
    assert.deepEqual(parseDevicePath(path), { deviceId: 'd', address: { kind } })
  }
  for (const path of ['attestation', 'attestation/nothing', 'attestation/keys/activate/x', 'attestation/__proto__']) {
    assert.throws(() => parseDevicePath(`/devices/d/${path}`), HubError, path)
  }
  assert.throws(() => parseDevicePath('/devices/d/modules/m/attestation/keys'), HubError)
})

test('the service’s addresses under /devices are not a device’s', () => {
  for (const path of [
    '/devices',
    '/devices/',
    '/devices/d',
    '/devices/query',
    '/devices/d/modules',
    '/devices/d/modules/m',
    '/devices/d/commands',
    '/devices/messages',
    '/devices/d/messagesx',
    '/twins/d/messages/events',
  ]) {
    assert.ok(!isDevicePath(path), path)
  }
})

test('what is not served, is of a module, or has a wrong form is refused by name', () => {
  for (const [path, code] of [
    ['/devices/d/messages', 'GenericNotFound'],
    ['/devices/d/messages/other', 'GenericNotFound'],
    ['/devices/d/messages/events/more', 'GenericNotFound'],
    ['/devices/d/messages/devicebound/l/other', 'GenericNotFound'],
    ['/devices/d/messages/devicebound/l/abandon/more', 'GenericNotFound'],
    ['/devices/d/files/other', 'GenericNotFound'],
    ['/devices/d/files/notifications/c/more', 'GenericNotFound'],
    ['/devices/d/modules/m/messages/events', 'InvalidOperation'],
    ['/devices/d/modules/m/files', 'InvalidOperation'],
    ['/devices/a%2Fb/files', 'ArgumentInvalid'],
    ['/devices/%zz/files', 'ArgumentInvalid'],
    ['/devices/d/messages/devicebound/%zz', 'ArgumentInvalid'],
  ] as const) {
    assert.ok(isDevicePath(path), path)
    assert.throws(
      () => parseDevicePath(path),
      (error) => error instanceof HubError && error.code === code,
      path,
    )
  }
})
