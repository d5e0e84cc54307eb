import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HubError } from './errors.ts'
import { HUB_ROUTES, isHubPath } from './index.ts'
import { parseIfMatch } from './request.ts'
import { type HubMethod, type HubRoute, RouteTable } from './routes.ts'

const answer = async (): Promise<Response> => new Response()
const route = (method: HubMethod, path: `/${string}`): HubRoute => ({ method, path, rights: ['RegistryRead'], answer })
const table = new RouteTable([
  route('GET', '/devices'),
  route('GET', '/devices/:device'),
  route('PUT', '/devices/:device'),
  route('POST', '/devices/query'),
  route('GET', '/devices/:device/modules/:module'),
])

const found = (method: string, path: string): readonly unknown[] => {
  const { route: one, parameters } = table.match(method, path)
  return [one.path, ...parameters.values()]
}
const refusedWith = (code: string) => (error: unknown) => error instanceof HubError && error.code === code

test('words of a path are compared without case, ids as they are; stray slashes do not count', () => {
  for (const path of ['/devices', '/DEVICES', '/devices/', '//devices//', '/Devices/']) {
    assert.deepEqual(found('GET', path), ['/devices'], path)
  }
  assert.deepEqual(found('GET', '/DEVICES/Pump/Modules/M'), ['/devices/:device/modules/:module', 'Pump', 'M'])
})

test('ids are decoded once', () => {
  assert.deepEqual(found('GET', '/devices/a%2525b'), ['/devices/:device', 'a%25b'])
  assert.deepEqual(found('GET', '/devices/a%2Fb'), ['/devices/:device', 'a/b'])
  assert.deepEqual(found('GET', '/devices/%C3%A9'), ['/devices/:device', 'é'])
  for (const bad of ['/devices/%', '/devices/%zz', '/devices/%C3', '/devices/%ff']) {
    assert.throws(() => table.match('GET', bad), refusedWith('ArgumentInvalid'), bad)
  }
})

test('a word goes before an id, and only for its own method', () => {
  assert.deepEqual(found('POST', '/devices/query'), ['/devices/query'])
  assert.deepEqual(found('PUT', '/devices/query'), ['/devices/:device', 'query'])
})

test('a method that an address does not take is answered with those it takes', () => {
  assert.throws(
    () => table.match('DELETE', '/devices/query'),
    (error) =>
      error instanceof HubError &&
      error.code === 'GenericMethodNotAllowed' &&
      error.headers['allow'] === 'GET, PUT, POST',
  )
  for (const path of ['/devices/a/b', '/devices/a/modules', '/', '/other', `/devices${'/a'.repeat(10_000)}`]) {
    assert.throws(() => table.match('GET', path), refusedWith('GenericNotFound'), path.slice(0, 40))
  }
})

test('two routes of one method and path, and a route without a right, are not served', () => {
  assert.throws(() => new RouteTable([route('GET', '/a/:x'), route('GET', '/A/:y')]), TypeError)
  const open = { ...route('GET', '/a'), rights: [] } as unknown as HubRoute
  assert.throws(() => new RouteTable([open]), TypeError)
})

test('the hub answers for its own first words and for no others', () => {
  for (const path of [
    '/devices',
    '/DEVICES/x',
    '//devices',
    '/twins/x/methods',
    '/statistics/devices',
    '/devices/a/b/c',
  ]) {
    assert.ok(isHubPath(path), path)
  }
  for (const path of ['/', '/api/v1/devices', '/enrollments/x', '/deviceses', '/health/live', '/%64evices']) {
    assert.ok(!isHubPath(path), path)
  }
})

test('every route asks for rights of the registry or of the service', () => {
  for (const { method, path, rights } of HUB_ROUTES) {
    assert.ok(
      rights.every((right) => ['RegistryRead', 'RegistryWrite', 'ServiceConnect'].includes(right)),
      path,
    )
    if (method === 'PUT' && path.startsWith('/devices')) assert.deepEqual([...rights], ['RegistryWrite'], path)
  }
})

test('If-Match is one ETag, quoted or not, or any', () => {
  assert.deepEqual(parseIfMatch('"*"'), { kind: 'present' })
  assert.deepEqual(parseIfMatch('*'), { kind: 'present' })
  for (const text of ['AAA=', '"AAA="', ' "AAA=" ', 'W/"AAA="']) {
    assert.deepEqual(parseIfMatch(text), { kind: 'etag', etag: 'AAA=' }, text)
  }
  for (const text of ['', '""', '"a", "b"', 'a,b', '"', 'a"b']) {
    assert.throws(() => parseIfMatch(text), refusedWith('ArgumentInvalid'), text)
  }
})
