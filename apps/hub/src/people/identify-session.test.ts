import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOwnPage } from './identify-session.ts'

const OWN = 'https://hub.example'

const isOwn = (method: string, headers: Record<string, string>) => isOwnPage(method, new Headers(headers), [OWN])

test('what changes something comes from a page of ours, with the header that only scripts can set', () => {
  const page = { origin: OWN, 'sec-fetch-site': 'same-origin', 'holdfast-page': '1' }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    assert.equal(isOwn(method, page), true)
    for (const wrong of [
      {},
      { origin: OWN },
      { origin: OWN, 'sec-fetch-site': 'same-origin' },
      { 'holdfast-page': '1' },
      { ...page, 'holdfast-page': '0' },
      { ...page, origin: 'null' },
      { ...page, origin: `${OWN}.evil.example` },
      { ...page, 'sec-fetch-site': 'same-site' },
      { ...page, 'sec-fetch-site': 'cross-site' },
      { ...page, 'sec-fetch-site': 'none' },
    ]) {
      assert.equal(isOwn(method, wrong), false, `${method} ${JSON.stringify(wrong)}`)
    }
  }
})

test('what only shows may be typed into the address bar, and no page of another site gets it', () => {
  for (const good of [{}, { 'sec-fetch-site': 'none' }, { 'sec-fetch-site': 'same-origin', origin: OWN }]) {
    assert.equal(isOwn('GET', good), true)
  }
  for (const bad of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'same-site' }]) {
    assert.equal(isOwn('GET', bad), false)
  }
})
