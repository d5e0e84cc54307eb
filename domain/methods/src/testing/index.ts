/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { isDeepStrictEqual } from 'node:util'
import { instantOf } from '@holdfast/base'
import { memberText } from '../member-text.ts'
import { Methods } from '../methods.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const KEYS = [{ deviceId: 'a' }, { deviceId: 'b' }, { deviceId: 'a', moduleId: 'm' }] as const

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'method-payload',
    seeds: ['{"payload":[1,{"payload":"}"}],"methodName":"x"}', ' { "a" : "\\"" , "payload" : -1.5e3 } '].map((text) =>
      Buffer.from(text),
    ),
    run(bytes) {
      const text = Buffer.from(bytes).toString('utf8')
      const value = parsed(text)
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return
      const found = memberText(text, 'payload')
      must((found !== undefined) === Object.hasOwn(value, 'payload'), 'a member is found when it is there')
      if (found === undefined) return
      must(isDeepStrictEqual(JSON.parse(found), Reflect.get(value, 'payload')), 'the text is that of the member')
    },
  },
  {
    name: 'method-calls',
    // Each byte is one thing that happens: three bits what, two to whom, the rest how much.
    seeds: [Uint8Array.of(0x00, 0x08, 0x02, 0x18, 0x03, 0x0b, 0x04, 0xfc), Uint8Array.of(0x01, 0x09, 0x00, 0x05, 0x06)],
    run(bytes) {
      const requests: { readonly id: string; readonly to: number }[] = []
      let ids = 0
      let nowMs = 0
      const methods = new Methods(
        {
          random: (count) => {
            ids += 1
            return new Uint8Array(count).fill(ids & 0xff).with(0, ids >> 8)
          },
          send: (key, { requestId }) => {
            requests.push({ id: requestId, to: KEYS.findIndex((one) => isDeepStrictEqual(one, key)) })
            return true
          },
        },
        { callsMax: 8, callsPerIdentityMax: 4, waitingBytesMax: 64 },
      )
      for (const byte of bytes) {
        const at = ((byte >> 3) & 3) % KEYS.length
        const key = KEYS[at] ?? KEYS[0]
        const amount = byte >> 5
        const now = instantOf(nowMs)
        const { answered } = methods.counters
        switch (byte & 7) {
          case 0:
          case 1: {
            const call = {
              name: 'x',
              payload: new Uint8Array(amount * 4),
              responseTimeoutSeconds: 5,
              connectTimeoutSeconds: amount,
            }
            void methods.invoke(key, call, `policy/${amount}`, now)
            break
          }
          case 2:
            methods.listening(key, amount !== 0, now)
            break
          case 3:
            methods.gone(key)
            break
          case 4:
            nowMs += amount * 1_000
            methods.tick(instantOf(nowMs))
            break
          case 5:
          case 6: {
            const request = requests.at(-1 - amount)
            if (request === undefined) break
            const isOwn = request.to === at
            methods.answered(key, { requestId: request.id, status: 200, payload: Buffer.from('1') })
            must(isOwn || methods.counters.answered === answered, 'only who was asked answers')
            break
          }
          default:
            methods.end()
        }
        must(methods.pending >= 0 && methods.pending <= 8, 'calls are bounded')

        must(methods.pending === 0 || methods.deadline !== undefined, 'whoever waits has a time at which that ends')
      }
      // Whatever has happened, time ends everything.
      for (let turn = 0; turn < 32 && methods.deadline !== undefined; turn += 1) methods.tick(methods.deadline)
      must(methods.pending === 0, 'no call waits for ever')
      for (const key of KEYS) methods.gone(key)
      must(methods.identities === 0, 'nothing is left')
    },
  },
]
