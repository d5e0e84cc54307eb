/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { MESSAGE_BYTES_MAX } from '../limits.ts'
import { LineReader, parseReply, parseRequest } from '../messages.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken. */
  run(bytes: Uint8Array): void
}

const SEEDS = [
  '{"id":1,"answer":{"data":"AAAA","algorithm":"aes-gcm","ids":["00"]}}\n',
  '{"id":2,"fault":"refused","message":"no"}\n',
  '{"id":3,"request":{"op":"login","module":"m","token":"t","pin":"p"}}\n{"id":4,"request":{"op":"sign","id":"00","data":"AA=="}}\n',
]

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'token-messages',
    seeds: SEEDS.map((text) => Buffer.from(text)),
    run(bytes) {
      const whole: string[] = []
      const isGood = new LineReader((line) => whole.push(line)).push(bytes)
      const single: string[] = []
      const reader = new LineReader((line) => single.push(line))
      for (const byte of bytes) reader.push(Uint8Array.of(byte))
      must(!isGood || single.join('\n') === whole.join('\n'), 'lines are the same however they are cut')
      for (const line of whole) {
        must(line.length <= MESSAGE_BYTES_MAX, 'lines are bounded')
        const reply = parseReply(line)
        if (reply !== undefined) must('answer' in reply !== 'fault' in reply, 'a reply is an answer or a fault')
        const request = parseRequest(line)?.request
        if (request !== undefined) {
          for (const value of Object.values(request)) must(typeof value === 'string', 'members are texts')
        }
      }
    },
  },
]
