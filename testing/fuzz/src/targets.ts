/** Every target, with the words of its language and the size of its inputs. */

import { fuzzTargets as accessTokens } from '@holdfast/access-tokens/testing'
import { fuzzTargets as admission } from '@holdfast/admission/testing'
import { fuzzTargets as amqp } from '@holdfast/amqp/testing'
import { fuzzTargets as api } from '@holdfast/api/testing'
import { fuzzTargets as attestation } from '@holdfast/attestation/testing'
import { fuzzTargets as audit } from '@holdfast/audit/testing'
import { fuzzTargets as authorization } from '@holdfast/authorization/testing'
import { fuzzTargets as backup } from '@holdfast/backup/testing'
import { fuzzTargets as cedar } from '@holdfast/cedar/testing'
import { fuzzTargets as commands } from '@holdfast/commands/testing'
import { fuzzTargets as credentials } from '@holdfast/credentials/testing'
import { fuzzTargets as dps } from '@holdfast/dps/testing'
import { fuzzTargets as forwarding } from '@holdfast/forwarding/testing'
import { fuzzTargets as iothub } from '@holdfast/iothub/testing'
import { fuzzTargets as keys } from '@holdfast/keys/testing'
import { fuzzTargets as masquerade } from '@holdfast/masquerade/testing'
import { fuzzTargets as methods } from '@holdfast/methods/testing'
import { encode } from '@holdfast/mqtt'
import { fuzzTarget as mqtt } from '@holdfast/mqtt/testing'
import { fuzzTargets as operators } from '@holdfast/operators/testing'
import { fuzzTargets as pkcs11 } from '@holdfast/pkcs11/testing'
import { fuzzTargets as pki } from '@holdfast/pki/testing'
import { fuzzTargets as review } from '@holdfast/review/testing'
import { fuzzTargets as supply } from '@holdfast/supply/testing'
import { fuzzTargets as syslog } from '@holdfast/syslog/testing'
import { fuzzTargets as tlog } from '@holdfast/tlog/testing'
import { fuzzTargets as tokens } from '@holdfast/tokens/testing'
import { bootTargets, identityTargets } from '@holdfast/tpm/testing'
import { fuzzTargets as uploads } from '@holdfast/uploads/testing'
import { carriedTarget } from './carried-target.ts'
import { DICTIONARIES, TEXT_WORDS } from './dictionaries.ts'
import { frontTarget } from './front-target.ts'
import type { FuzzTarget, Subject } from './target.ts'
import { telemetryTargets } from './telemetry-targets.ts'

/** A connection's worth of packets, for the server and for the client. */
const mqttTarget: FuzzTarget = {
  name: 'mqtt',
  seeds: [
    [
      encode({
        type: 'connect',
        protocolLevel: 4,
        clientId: 'd',
        cleanSession: false,
        keepAliveSeconds: 60,
        username: 'u',
        password: Uint8Array.of(1, 2),
        will: { topic: 'w', payload: Uint8Array.of(3), qos: 1, retain: true },
      }),
      encode({ type: 'subscribe', packetId: 1, requests: [{ filter: 'a/+/#', qos: 1 }] }),
      encode({
        type: 'publish',
        topic: 'a/b',
        payload: Uint8Array.of(4),
        qos: 1,
        retain: false,
        dup: false,
        packetId: 2,
      }),
      encode({ type: 'puback', packetId: 1 }),
      encode({ type: 'unsubscribe', packetId: 3, filters: ['a/+/#'] }),
      encode({ type: 'pingreq' }),
      encode({ type: 'disconnect' }),
    ],
    [
      encode({ type: 'connack', sessionPresent: true, returnCode: 0 }),
      encode({ type: 'suback', packetId: 1, codes: [1] }),
      encode({ type: 'puback', packetId: 2 }),
      encode({
        type: 'publish',
        topic: 'a/b',
        payload: Uint8Array.of(4),
        qos: 0,
        retain: false,
        dup: false,
        packetId: 0,
      }),
      encode({ type: 'pingresp' }),
    ],
  ].map((packets) => Uint8Array.from(Buffer.concat(packets))),
  run: mqtt,
}

/** Longest inputs, in bytes, where texts of the usual length would miss something, or cost too much. */
const LONGEST: Readonly<Record<string, number>> = {
  mqtt: 1_024,
  front: 1_024,
  'carried-in-mqtt': 1_024,
  certificate: 2_048,
  'certification-request': 2_048,
  'certificate-input': 4_096,
}
const BYTES_MAX = 1_500

export const subjects: readonly Subject[] = [
  mqttTarget,
  frontTarget,
  carriedTarget,
  ...tokens,
  ...accessTokens,
  ...iothub,
  ...admission,
  ...amqp,
  ...api,
  ...commands,
  ...credentials,
  ...masquerade,
  ...methods,
  ...dps,
  ...pki,
  ...telemetryTargets,
  ...uploads,
  ...bootTargets,
  ...identityTargets,
  ...attestation,
  ...supply,
  ...keys,
  ...pkcs11,
  ...operators,
  ...tlog,
  ...audit,
  ...authorization,
  ...forwarding,
  ...review,
  ...syslog,
  ...cedar,
  ...backup,
].map((target) => ({
  name: target.name,
  seeds: target.seeds,
  run: (bytes) => target.run(bytes),
  dictionary: DICTIONARIES[target.name] ?? TEXT_WORDS,
  bytesMax: LONGEST[target.name] ?? BYTES_MAX,
  isStream: target === mqttTarget || target === frontTarget,
}))
