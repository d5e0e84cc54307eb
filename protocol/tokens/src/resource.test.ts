import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenError, coversDevice, coversRegistration, coversService, resourceOf } from './index.ts'
import type { SasHolder } from './index.ts'

const HOSTS = ['hub.example', 'localhost']

function covers(sr: string, deviceId: string, options: { moduleId?: string; holder?: SasHolder } = {}): boolean {
  const { moduleId, holder = 'identity' } = options
  return coversDevice(resourceOf(sr), { hosts: HOSTS, deviceId, holder, ...(moduleId !== undefined && { moduleId }) })
}

test('host names are compared in any case and without port or scheme, ids as they are', () => {
  assert.equal(covers('HUB.example/devices/a', 'a'), true)
  assert.equal(covers('hub.example:8883/devices/a', 'a'), true)
  assert.equal(covers('amqps://hub.example/devices/a', 'a'), true)
  assert.equal(covers('localhost/devices/a', 'a'), true)
  assert.equal(covers('hub.example/Devices/a', 'a'), true)
  assert.equal(covers('hub.example/devices/A', 'a'), false)
  assert.equal(covers('other.example/devices/a', 'a'), false)
  assert.equal(covers('hub.example.evil/devices/a', 'a'), false)
  assert.deepEqual(resourceOf('[::1]:8883/devices/a'), { host: '[::1]', path: ['devices', 'a'] })
  assert.equal(resourceOf('fe80::1:8883').host, 'fe80::1:8883')
})

test('a longer path below the device covers the device; a neighbour with the same beginning does not', () => {
  assert.equal(covers('hub.example/devices/a/api-version=2016-11-14', 'a'), true)
  assert.equal(covers('hub.example/devices/a/messages/events', 'a'), true)
  assert.equal(covers('hub.example/devices/a/', 'a'), true)
  assert.equal(covers('hub.example/devices/ab', 'a'), false)
  assert.equal(covers('hub.example/devices/a', 'ab'), false)
  assert.equal(covers('hub.example/twins/a', 'a'), false)
})

test("a device's token covers its modules, a module's token neither its device nor another module", () => {
  assert.equal(covers('hub.example/devices/a', 'a', { moduleId: 'm' }), true)
  assert.equal(covers('hub.example/devices/a/modules/m', 'a', { moduleId: 'm' }), true)
  assert.equal(covers('hub.example/devices/a/modules/m/x', 'a', { moduleId: 'm' }), true)
  assert.equal(covers('hub.example/devices/a/modules/m', 'a'), false)
  assert.equal(covers('hub.example/devices/a/MODULES/m', 'a'), false)
  assert.equal(covers('hub.example/devices/a/modules', 'a'), false)
  assert.equal(covers('hub.example/devices/a/modules/n', 'a', { moduleId: 'm' }), false)
  assert.equal(covers('hub.example/devices/b/modules/m', 'a', { moduleId: 'm' }), false)
})

test('only the token of a policy may name a parent', () => {
  for (const sr of ['hub.example', 'hub.example/', 'hub.example/devices']) {
    assert.equal(covers(sr, 'a'), false, sr)
    assert.equal(covers(sr, 'a', { holder: 'policy' }), true, sr)
    assert.equal(covers(sr, 'a', { holder: 'policy', moduleId: 'm' }), true, sr)
  }
  assert.equal(covers('hub.example/devices/b', 'a', { holder: 'policy' }), false)
  assert.equal(covers('hub.example/devices/a', 'a', { holder: 'policy' }), true)
})

test('service calls need the whole service', () => {
  assert.equal(coversService(resourceOf('Hub.Example'), HOSTS), true)
  assert.equal(coversService(resourceOf('hub.example/devices/a'), HOSTS), false)
  assert.equal(coversService(resourceOf('other'), HOSTS), false)
})

test('a registration is covered by its own id in its own scope, in any case', () => {
  const target = { idScope: '0ne00012345', registrationId: 'Dev-1' }
  assert.equal(coversRegistration(resourceOf('0ne00012345/registrations/dev-1'), target), true)
  assert.equal(coversRegistration(resourceOf('0NE00012345/registrations/Dev-1/x'), target), true)
  assert.equal(coversRegistration(resourceOf('0ne00012345/registrations/dev-2'), target), false)
  assert.equal(coversRegistration(resourceOf('0ne00012345/registrations'), target), false)
  assert.equal(coversRegistration(resourceOf('0ne00012345'), target), false)
  assert.equal(coversRegistration(resourceOf('0ne00012346/registrations/dev-1'), target), false)
  assert.equal(coversRegistration(resourceOf('0ne00012345/devices/dev-1'), target), false)
})

test('resources with nothing where something should be, or too deep, are refused', () => {
  for (const sr of [
    '',
    '/',
    '//',
    'hub//devices',
    '/devices/a',
    'amqps://',
    'hub/devices/a//',
    `hub${'/a'.repeat(16)}`,
  ]) {
    assert.throws(
      () => resourceOf(sr),
      (error) => error instanceof TokenError && error.code === 'bad-resource',
      sr,
    )
  }
})
