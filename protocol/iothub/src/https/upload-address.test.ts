import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBlobUpload } from './upload-address.ts'

test('only what certainly is a blob has a body that is a stream', () => {
  assert.ok(isBlobUpload('PUT', '/device-uploads/d/a..b/.c/...?sig=x'))
  for (const [method, target] of [
    ['POST', '/device-uploads/d/x'],
    ['put', '/device-uploads/d/x'],
    ['PUT', '/device-uploads'],
    ['PUT', '/Device-Uploads/d/x'],
    ['PUT', '/devices/device-uploads/'],
    ['PUT', 'https://hub/device-uploads/d/x'],
    ['PUT', '/device-uploads/../devices/d'],
    ['PUT', '/device-uploads/%2e%2E/devices/d'],
    ['PUT', '/device-uploads/.%2e/devices/d'],
    ['PUT', '/device-uploads/d/..?x'],
    ['PUT', '/device-uploads/d/.'],
    ['PUT', '/device-uploads/..\\devices/d'],
  ] as const) {
    assert.ok(!isBlobUpload(method, target), target)
  }
})
