/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import {
  BULK_MODES,
  DpsError,
  RESPONSE_FILTER,
  formatContinuation,
  formatResponseTopic,
  meets,
  parseBulkOperation,
  parseActivation,
  parseContinuation,
  parseDpsPath,
  parseIfMatch,
  parseJson,
  parseProvisioningUserName,
  parseQuery,
  parseRegisterRequest,
  parseRegistrationId,
  parseRequestTopic,
  readEnrollment,
} from '../index.ts'
import { TpmError, encodePublic, sealedTemplate } from '@holdfast/tpm'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'dps-register',
    seeds: seeds(
      '{"registrationId":"pump-1"}',
      '{"registrationId":"a","payload":{"x":[1,{"y":null}]},"tpm":{"endorsementKey":"AToA","storageRootKey":"AToA"}}',
      '{"csr":"MIIB"}',
    ),
    run(bytes) {
      const request = unlessRefused(() => parseRegisterRequest(bytes))
      if (request?.registrationId !== undefined) canonical(request.registrationId)
    },
  },
  {
    name: 'dps-enrollment',
    seeds: seeds(
      '{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"","secondaryKey":""}}}',
      '{"enrollmentGroupId":"g","attestation":{"type":"x509","x509":{"signingCertificates":{"primary":{"certificate":"MII="}}}},"initialTwin":{"tags":{"a":1},"properties":{"desired":{"b":[{}]}}}}',
      '{"mode":"create","enrollments":[{"registrationId":"a","attestation":{"type":"tpm"}}]}',
    ),
    run(bytes) {
      for (const scope of ['individual', 'group'] as const) {
        const enrollment = unlessRefused(() => readEnrollment(parseJson(bytes, 131_072), { scope }))
        if (enrollment === undefined) continue
        canonical(enrollment.id)
        const twin = enrollment.initialTwin
        if (twin !== undefined) for (const text of [twin.tags, twin.desired]) objectOf(text)
      }
      const bulk = unlessRefused(() => parseBulkOperation(bytes))
      if (bulk === undefined) return
      hold(BULK_MODES.includes(bulk.mode), 'a parsed bulk operation has a mode')
      for (const item of bulk.items) if (item.kind !== 'refused') canonical(item.id)
    },
  },
  {
    name: 'dps-query',
    seeds: seeds(
      '*',
      "SELECT * FROM enrollments WHERE provisioningStatus = 'enabled' AND NOT (attestation.type IN ['x509'])",
      'select * from enrollmentGroups where capabilities.iotEdge != true',
      "SELECT * FROM registrations WHERE deviceId >= 'a\\'b'",
    ),
    run(bytes) {
      const text = Buffer.from(bytes).toString('utf8')
      for (const target of ['enrollments', 'enrollmentGroups', 'registrations'] as const) {
        const condition = unlessRefused(() => parseQuery(text, target))
        if (condition !== undefined) meets(condition, (field) => (field === 'deviceId' ? 'a' : undefined))
      }
    },
  },
  {
    name: 'dps-topic',
    seeds: seeds(
      '$dps/registrations/PUT/iotdps-register/?$rid=1&forceRegistration=true',
      '$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId=4.a.b',
      '0ne1/registrations/pump-1/api-version=2019-03-31&ClientVersion=x',
      '/0ne1/registrations/pump-1/operations/4.a.b',
      '/enrollmentgroups/a/attestationmechanism',
      '"AAAA"',
    ),
    run(bytes) {
      const text = Buffer.from(bytes).toString('utf8')
      const topic = parseRequestTopic(text)
      if (topic !== undefined) answerable(topic.requestId)
      const name = parseProvisioningUserName(text)
      if (name !== undefined) hold(parseRegistrationId(name.registrationId) !== undefined, 'a user name has an id')
      parseDpsPath(text)
      unlessRefused(() => parseIfMatch(text))
      const id = unlessRefused(() => parseContinuation('q', text))
      if (id !== undefined) hold(formatContinuation('q', id) === text, 'a token has one form')
    },
  },
  {
    name: 'tpm-activation',
    seeds: [
      Buffer.concat([
        ...[0, 1, 2, 3].map(() => Uint8Array.of(0, 1, 7)),
        encodePublic(sealedTemplate()),
        Uint8Array.of(0, 0),
      ]),
    ],
    run(bytes) {
      try {
        const { credential, secret, duplicate, encryptedSeed, publicArea, data } = parseActivation(bytes)
        const whole = Buffer.concat([credential, secret, duplicate, encryptedSeed, publicArea, data])
        hold(whole.subarray(0, bytes.length).equals(bytes), 'a blob is the sum of its parts')
      } catch (error) {
        if (!(error instanceof DpsError) && !(error instanceof TpmError)) throw error
      }
    },
  },
]

/** Both SDKs' ways of reading an answer's topic have to find the request in it. */
function answerable(requestId: string): void {
  const topic = formatResponseTopic({ status: 202, requestId, retryAfterSeconds: 3 })
  hold(topic.startsWith(RESPONSE_FILTER.slice(0, -1)), 'an answer is what the device subscribes to')
  hold(/^\$dps\/registrations\/res\/(.*)\/\?(.*)$/s.exec(topic)?.[1] === '202', 'Node finds the status')
  hold(topic.split('$').length === 3, 'Python finds the request')
  hold(!/[#+\0]/.test(topic), 'an answer has a legal topic')
}

function canonical(id: string): void {
  hold(parseRegistrationId(id) === id, 'a parsed id is its own lower case')
}

function objectOf(text: string): void {
  const value: unknown = JSON.parse(text)
  hold(typeof value === 'object' && value !== null && !Array.isArray(value), 'a section of a twin is an object')
}

function hold(rule: boolean, what: string): void {
  if (!rule) throw new Error(what)
}

function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof DpsError) return undefined
    throw error
  }
}

function seeds(...texts: readonly string[]): readonly Uint8Array[] {
  return texts.map((text) => Buffer.from(text))
}
