import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findTool, requireTool } from './system-tool.ts'

test('a program of the machine is found by its full path', () => {
  assert.match(findTool('sh') ?? '', /\/sh$/)
  assert.equal(requireTool('sh'), false)
})

test('a missing program skips by name, and fails in continuous integration', () => {
  const before = process.env.CI
  try {
    delete process.env.CI
    assert.match(String(requireTool('no-such-program')), /^no-such-program is not installed/)
    process.env.CI = 'true'
    assert.throws(() => requireTool('no-such-program'), /no-such-program/)
  } finally {
    if (before === undefined) delete process.env.CI
    else process.env.CI = before
  }
})
