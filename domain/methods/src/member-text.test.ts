import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memberText } from './member-text.ts'
import { fuzzTargets } from './testing/index.ts'

test('the text of a member is what was written, digits and space inside of it included', () => {
  for (const [json, expected] of [
    ['{"payload":12345678901234567890.10}', '12345678901234567890.10'],
    ['{"a":{"payload":1},"payload" : [ 1, {"payload":"}"} ] ,"z":2}', '[ 1, {"payload":"}"} ]'],
    [' {\n"payload"\t:\r"\\"}\\\\" } ', '"\\"}\\\\"'],
    ['{"payload":1,"payload":null}', 'null'],
    ['{"pay\\u006coad":true}', 'true'],
    ['{"payload":{}}', '{}'],
    ['{"a":"payload","b":["payload",1]}', undefined],
    ['{}', undefined],
  ] as const) {
    assert.equal(memberText(json, 'payload'), expected, json)
  }
})

test('the member of any object is what JSON.parse takes it for', () => {
  for (const { seeds, run } of fuzzTargets) {
    for (const seed of seeds) run(seed)
    // A small campaign of one changed byte, so that the rule is looked at on every run.
    for (const seed of seeds) {
      for (let at = 0; at < seed.length; at += 1) {
        for (const byte of [0x22, 0x2c, 0x7b, 0x7d, 0x5c, 0x20, 0x30]) {
          const changed = Uint8Array.from(seed)
          changed[at] = byte
          run(changed)
        }
      }
    }
  }
})
