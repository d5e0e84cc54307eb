/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import {
  HubFormatError,
  QueryError,
  eventsTopicPrefix,
  formatBag,
  isDeviceId,
  isWellFormedBag,
  parseBag,
  parsePublishTopic,
  parseQuery,
  parseSubscription,
  parseUserName,
  readMessageProperties,
  readTelemetryBatch,
  readTelemetryHeaders,
  telemetryBytes,
  telemetryBag,
} from '../index.ts'
import { runTwin } from './twin-target.ts'
import { formatQuery } from './format-query.ts'

export { formatExpression, formatPath, formatQuery } from './format-query.ts'
export type { JsonValue } from './query-oracle.ts'
export { oracleMatches, oracleRows } from './query-oracle.ts'
export type { Chance, Vocabulary } from './random-query.ts'
export { RandomQuery } from './random-query.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

function seeds(...texts: readonly string[]): readonly Uint8Array[] {
  return texts.map((text) => Buffer.from(text))
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}

function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof HubFormatError) return undefined
    throw error
  }
}

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

const DEVICE = { deviceId: 'a' }
const MODULE = { deviceId: 'a', moduleId: 'm' }

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'telemetry-batch',
    seeds: seeds(
      '[{"body":"YQ==","properties":{"iothub-app-x":"v","dt-subject":"s"}},{"body":"t","base64Encoded":false}]',
      '[{"body":"","properties":{"iothub-expiry":"2031-05-06T07:08:09Z","iothub-to":"/devices/a/messages/events"}}]',
      '[{"__proto__":{"body":"YQ=="}}]',
    ),
    run(bytes) {
      const items = unlessRefused(() => readTelemetryBatch(bytes, 'a'))
      for (const item of items ?? []) {
        must(isWellFormedBag(formatBag(item.entries)), 'every message has a bag')
        must(telemetryBytes(item) >= item.body.length, 'properties take room')
      }
    },
  },
  {
    name: 'telemetry-headers',
    seeds: seeds(
      'iothub-app-x: v\niothub-messageid: 1\ndt-subject: s',
      'iothub-app-\u00fc: \u00fc\niothub-expiry: now',
    ),
    run(bytes) {
      const lines = Buffer.from(bytes).toString('latin1').split('\n')
      const headers = lines.map((line): [string, string] => {
        const at = line.indexOf(': ')
        return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 2)]
      })
      const entries = unlessRefused(() => readTelemetryHeaders(headers, 'a'))
      if (entries !== undefined) must(isWellFormedBag(formatBag(entries)), 'every message has a bag')
    },
  },
  {
    name: 'property-bag',
    seeds: seeds(
      '%24.mid=1&%24.ct=application%2Fjson&temperatureAlert=true',
      'a&b=&c=%E2%82%AC&d=%F0%9F%98%80&e=+&&f=%00',
      'a=%C0%80&b=%ED%A0%80&c=%F4%90%80%80',
    ),
    run(bytes) {
      const text = textOf(bytes)
      const entries = unlessRefused(() => parseBag(text))
      must(isWellFormedBag(text) === (entries !== undefined), 'what is well formed parses, and nothing else')
      if (entries === undefined || !text.isWellFormed()) return
      const again = formatBag(entries)
      must(isWellFormedBag(again), 'what is formatted is well formed')
      must(JSON.stringify(parseBag(again)) === JSON.stringify(entries), 'what was parsed formats to itself')
      must(!/[/+#]/.test(again), 'what is formatted can stand in a topic as one level')
      readMessageProperties(text)
    },
  },
  {
    name: 'publish-topic',
    seeds: seeds(
      'devices/a/messages/events/x=1',
      'devices/a/modules/m/messages/events/%24.on=out/',
      '$iothub/twin/GET/?$rid=1',
      '$iothub/twin/PATCH/properties/reported/?$rid=1&$version=4',
      '$iothub/methods/res/200/?$rid=1',
    ),
    run(bytes) {
      const topic = textOf(bytes)
      for (const identity of [DEVICE, MODULE]) {
        const slow = unlessRefused(() => parsePublishTopic(topic, identity))
        const fast = telemetryBag(topic, eventsTopicPrefix(identity))
        if (fast === undefined) continue
        must(slow?.kind === 'telemetry' && slow.bag === fast, 'the fast way sees what the slow way sees')
      }
      unlessRefused(() => parseSubscription(topic, DEVICE))
      unlessRefused(() => parseSubscription(topic, MODULE))
    },
  },
  {
    name: 'user-name',
    seeds: seeds(
      'a\nhub.example/a/?api-version=2021-04-12&model-id=dtmi:x:y;1&DeviceClientType=z%20',
      'a/m\nhub.example/a/m/api-version=2016-11-14',
      'a\n0ne0/registrations/a/api-version=2019-03-31&ClientVersion=x',
    ),
    run(bytes) {
      const [clientId = '', ...rest] = textOf(bytes).split('\n')
      const name = unlessRefused(() => parseUserName(rest.join('\n'), clientId))
      if (name?.service !== 'hub') return
      must(isDeviceId(name.deviceId), 'ids are checked')
      const { deviceId, moduleId } = name
      must(clientId === (moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`), 'ids are the client id')
    },
  },
  {
    name: 'twin-query',
    seeds: seeds(
      "SELECT * FROM devices WHERE deviceId = 'x' AND tags.a IN ['x', 1, -2, true, null]",
      'SELECT TOP 5 properties.reported.[[a b]] AS x, COUNT() AS n, avg(tags.n) FROM devices GROUP BY properties.reported.[[a b]]',
      String.raw`select * from devices.modules where not (is_defined(tags.a) or -tags.b + 2 * 0x1f % 3 >= 1.5e3) and startswith(tags.c, "\u00e9\n")`,
    ),
    run(bytes) {
      const text = textOf(bytes)
      let query: ReturnType<typeof parseQuery>
      try {
        query = parseQuery(text)
      } catch (error) {
        if (!(error instanceof QueryError)) throw error
        const { offset, line, column } = error.position
        must(offset >= 0 && offset <= text.length && line >= 1 && column >= 1, 'a refusal says where')
        must(/^[\x20-\x7e…]+$/.test(error.message), 'a refusal holds plain words alone')
        return
      }
      let again: ReturnType<typeof parseQuery>
      try {
        again = parseQuery(formatQuery(query))
      } catch (error) {
        // With every parenthesis it may be deeper than what was read.
        if (error instanceof QueryError && error.code === 'too-large') return
        throw error
      }
      must(JSON.stringify(again) === JSON.stringify(query), 'what was read formats to itself')
    },
  },
  {
    name: 'twin',
    seeds: seeds(
      '{"a":{"b":[1,{"c":true}]},"é":"😀"}\n{"a":{"b":null,"d":1.5e300},"__proto__":{"x":1}}',
      '{"tags":{"site":"x","n":null},"properties":{"desired":{"a":1,"$version":2,"$metadata":{}}}}',
      '{"a":-4503599627370496,"b":"\\u0000\\ud83d\\ude00"}\n{"a":{"a":{"a":{"a":{}}}}}\n{"a":null}',
    ),
    run: runTwin,
  },
]
