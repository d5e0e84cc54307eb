import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL_OPERATIONS, OPERATIONS } from '@holdfast/api'
import { ENROLLMENT_ROUTES } from '../provisioning/management-routes.ts'
import { MANAGEMENT_ROUTES } from './index.ts'
import { MANIFEST_UPLOAD_ROUTES } from './manifest-upload.ts'

const ROUTES = [...MANAGEMENT_ROUTES, ...MANIFEST_UPLOAD_ROUTES, ...ENROLLMENT_ROUTES]

test('every operation is served by one route, and every route is one operation', () => {
  const served = ROUTES.map(({ operation }) => operation.id).toSorted()
  assert.deepEqual(served, ALL_OPERATIONS.map(({ id }) => id).toSorted())
})

test('operations are named by the theme and the name under which they stand', () => {
  for (const [theme, operations] of Object.entries(OPERATIONS)) {
    for (const [name, { id }] of Object.entries(operations)) assert.equal(id, `${theme}.${name}`)
  }
})

test('no two operations have one address, whatever their parameters are called', () => {
  const addresses = ALL_OPERATIONS.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`)
  assert.equal(new Set(addresses).size, addresses.length)
})

test('what is done to a device names it as {id}, and to an organisation as {organisation}', () => {
  for (const { id, on, path } of ALL_OPERATIONS) {
    if (on === 'device') assert.ok(path.includes('{id}'), id)
    if (on === 'organisation') assert.ok(path.includes('{organisation}'), id)
  }
})

test('reading changes nothing: what reads has a GET, or a body that says what to read', () => {
  for (const { id, action, method, body } of ALL_OPERATIONS) {
    if (action.endsWith(':read') && body === undefined) assert.equal(method, 'GET', id)
    if (method === 'GET') assert.match(action, /:(read|secret|own)$/, id)
  }
})
