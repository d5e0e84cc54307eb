/**
 * Rows 45 to 48, 50 and 52 of azure-iot.md §12: devices are provisioned by the official SDK, over each of its transports,
 * and go on to the hub that they were assigned. Enrolments are made with the official service SDK.
 */

import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { requireTool } from '@holdfast/testing-tidy'
import { type Client, Message, type ProvisioningServiceClient } from './azure-sdk.ts'
import { type Certified, Workshop } from './certificates.ts'
import { HubProcess } from './hub-process.ts'
import {
  byCertificate,
  byKey,
  keyAttestation,
  PROVISIONING_TRANSPORTS,
  type ProvisioningTransport,
  put,
  putGroup,
  type Registration,
  register as registerWith,
  serviceOf,
} from './provisioning-sdk.ts'
import { derivedKey } from './sas.ts'
import { certifiedClient, clientOf, failure, open } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const skipX509 = skip === false ? requireTool('openssl') : skip
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())
const workshop = skipX509 === false ? new Workshop() : undefined
const owner = hub && (await serviceOf(hub))

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

function shop(): Workshop {
  assert.ok(workshop !== undefined)
  return workshop
}

function service(): ProvisioningServiceClient {
  assert.ok(owner !== undefined)
  return owner
}

function register(
  transport: ProvisioningTransport,
  security: Parameters<typeof registerWith>[1],
  wish: Partial<Parameters<typeof registerWith>[2]> = {},
): Promise<Registration> {
  return registerWith(transport, security, { idScope: theHub().ready.idScope, ...wish })
}

const keyFor = (name: string): string => Buffer.from(`${name.padEnd(48, '.')}`).toString('base64')

/** What every successful registration says, and that the hub now has such a device. */
async function assigned(
  result: Registration,
  ids: { readonly registrationId: string; readonly deviceId: string },
): Promise<Api.Device> {
  const { registrationId, deviceId, assignedHub, status, etag } = result
  assert.deepEqual(
    { registrationId, deviceId, assignedHub, status },
    { ...ids, assignedHub: 'localhost', status: 'assigned' },
  )
  assert.match(etag, /./)
  for (const time of [result.createdDateTimeUtc, result.lastUpdatedDateTimeUtc]) {
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, time)
  }
  const device = await theHub().show(deviceId)
  assert.equal(device.status, 'enabled')
  return device
}

/** Row 52: the device connects to the hub that it was told, and what it sends is kept under its id. */
async function connects(client: Client, deviceId: string): Promise<void> {
  await open(client)
  await client.sendEvent(new Message('provisioned'))
  await client.close()
  const messages = await theHub().messages(deviceId)
  assert.equal(messages.at(-1)?.body, 'provisioned')
}

const keyString = ({ assignedHub, deviceId }: Registration, key: string): string =>
  `HostName=${assignedHub};DeviceId=${deviceId};SharedAccessKey=${key}`
const certificateString = ({ assignedHub, deviceId }: Registration): string =>
  `HostName=${assignedHub};DeviceId=${deviceId};x509=true`

/** Asserts what the SDK makes of a refusal: over HTTPS it knows 401, over MQTT it passes on CONNACK 5 as mqtt.js tells it. */
async function isUnauthorized(transport: ProvisioningTransport, promise: Promise<unknown>): Promise<void> {
  const error = await failure(promise)
  if (transport.name === 'https') assert.equal(error.name, 'UnauthorizedError', String(error.stack))
  else {
    assert.equal(error.message, 'Connection refused: Not authorized')
    assert.equal('code' in error && error.code, 5)
  }
}

// A registration waits a second between its two requests, so all wait together.
suite('provisioning', { concurrency: true }, () => {
  for (const transport of PROVISIONING_TRANSPORTS) {
    const { name } = transport
    const idOf = (row: string): string => `${row}-${name}`

    suite(`provisioning over ${name}`, { concurrency: true }, () => {
      test(`row 45 ${name}: an individual enrolment by key, primary or secondary; row 52: connects`, {
        skip,
      }, async () => {
        const [registrationId, deviceId] = [idOf('r45'), idOf('r45-pump')]
        const [primaryKey, secondaryKey] = [keyFor(`${registrationId}1`), keyFor(`${registrationId}2`)]
        await put(service(), {
          registrationId,
          deviceId,
          attestation: keyAttestation(primaryKey, secondaryKey),
        })
        const result = await register(transport, byKey(registrationId, primaryKey))
        const device = await assigned(result, { registrationId, deviceId })
        assert.equal(result.substatus, 'initialAssignment')
        assert.equal(device.auth, 'sas')
        for (const key of [primaryKey, secondaryKey]) {
          await connects(clientOf(keyString(result, key), transport.device), deviceId)
        }
        const again = await register(transport, byKey(registrationId, secondaryKey))
        assert.equal(again.deviceId, deviceId)
      })

      test(`row 45 ${name}: without a device id the registration id is the device's`, { skip }, async () => {
        const registrationId = idOf('r45-plain')
        const created = await put(service(), {
          registrationId,
          attestation: keyAttestation(''),
        })
        assert.equal(created.registrationId, registrationId)
        const { responseBody: secret } = await service().getIndividualEnrollmentAttestationMechanism(registrationId)
        const key = secret.symmetricKey?.primaryKey
        assert.ok(key !== undefined && Buffer.from(key, 'base64').length === 64)
        const result = await register(transport, byKey(registrationId, key))
        await assigned(result, { registrationId, deviceId: registrationId })
        await connects(clientOf(keyString(result, key), transport.device), registrationId)
      })

      test(`row 46 ${name}: a group by key, each device with the key derived for it; row 52: connects`, {
        skip,
      }, async () => {
        const enrollmentGroupId = idOf('r46-group')
        const [primaryKey, secondaryKey] = [keyFor(`${enrollmentGroupId}1`), keyFor(`${enrollmentGroupId}2`)]
        await putGroup(service(), {
          enrollmentGroupId,
          attestation: keyAttestation(primaryKey, secondaryKey),
        })
        const one = async (registrationId: string, groupKey: string): Promise<void> => {
          const key = derivedKey(groupKey, registrationId)
          const result = await register(transport, byKey(registrationId, key))
          const device = await assigned(result, { registrationId, deviceId: registrationId })
          assert.equal(device.auth, 'sas')
          assert.equal(result.symmetricKey?.enrollmentGroupId, enrollmentGroupId)
          await connects(clientOf(keyString(result, key), transport.device), registrationId)
        }
        await Promise.all([one(idOf('r46-a'), primaryKey), one(idOf('r46-b'), secondaryKey)])
        const shown = await theHub().object<{ key: string }>(
          'enrollment',
          'derived-key',
          enrollmentGroupId,
          idOf('r46-a'),
        )
        assert.equal(shown.key, derivedKey(primaryKey, idOf('r46-a')))
        // The key of one device is none of another's, nor is the group's own.
        await isUnauthorized(
          transport,
          register(transport, byKey(idOf('r46-c'), derivedKey(primaryKey, idOf('r46-a')))),
        )
        await isUnauthorized(transport, register(transport, byKey(idOf('r46-d'), primaryKey)))
      })

      test(`row 47 ${name}: an individual enrolment by certificate; row 52: connects`, { skip: skipX509 }, async () => {
        const registrationId = idOf('r47')
        const deviceId = idOf('r47-press')
        const [primary, secondary, other] = [1, 2, 3].map(() => shop().make({ commonName: registrationId }))
        assert.ok(primary !== undefined && secondary !== undefined && other !== undefined)
        await put(service(), {
          registrationId,
          deviceId,
          attestation: {
            type: 'x509',
            x509: {
              clientCertificates: {
                primary: { certificate: primary.certificate },
                secondary: { certificate: Buffer.from(secondary.certificate).toString('base64') },
              },
            },
          },
        })
        for (const certified of [primary, secondary]) {
          const result = await register(transport, byCertificate(registrationId, certified))
          const device = await assigned(result, { registrationId, deviceId })
          assert.equal(result.x509?.certificateInfo.sha256Thumbprint.toUpperCase(), certified.sha256)
          assert.equal(result.x509?.certificateInfo.subjectName, `CN=${registrationId}`)
          assert.equal(result.x509?.enrollmentGroupId, undefined)
          assert.equal(device.auth, 'x509-thumbprint')
          assert.deepEqual(new Set(device.thumbprints), new Set([certified.sha256]))
          const client = await certifiedClient(certificateString(result), transport.device, {
            cert: certified.certificate,
            key: certified.key,
          })
          await connects(client, deviceId)
        }
        await isUnauthorized(transport, register(transport, byCertificate(registrationId, other)))
      })

      test(`row 48 ${name}: a group by CA, signed directly or with the chain shown; row 52: connects`, {
        skip: skipX509,
      }, async () => {
        const [rootGroup, plantGroup] = [idOf('r48-root'), idOf('r48-plant')]
        const root = shop().make({ commonName: `fleet root ${name}`, isAuthority: true })
        const between = shop().make({ commonName: `fleet issuing ${name}`, isAuthority: true, issuer: root })
        const otherRoot = shop().make({ commonName: `other root ${name}`, isAuthority: true, algorithm: 'rsa' })
        const plant = shop().make({ commonName: `plant ${name}`, isAuthority: true, issuer: otherRoot })
        for (const [enrollmentGroupId, signing] of [
          [rootGroup, root],
          [plantGroup, plant],
        ] as const) {
          await putGroup(service(), {
            enrollmentGroupId,
            attestation: {
              type: 'x509',
              x509: { signingCertificates: { primary: { certificate: signing.certificate } } },
            },
          })
        }
        const one = async (
          row: string,
          issuer: Certified,
          group: string,
          signing: Certified,
          chain: string,
        ): Promise<void> => {
          const registrationId = idOf(row)
          const leaf = shop().make({ commonName: registrationId, issuer })
          const result = await register(transport, byCertificate(registrationId, leaf, chain))
          const device = await assigned(result, { registrationId, deviceId: registrationId })
          assert.equal(result.x509?.enrollmentGroupId, group)
          assert.equal(result.x509?.certificateInfo.sha256Thumbprint.toUpperCase(), leaf.sha256)
          assert.equal(result.x509?.signingCertificateInfo?.sha256Thumbprint.toUpperCase(), signing.sha256)
          assert.deepEqual([device.auth, new Set(device.thumbprints)], ['x509-thumbprint', new Set([leaf.sha256])])
          const credentials = { cert: leaf.certificate + chain, key: leaf.key }
          await connects(
            await certifiedClient(certificateString(result), transport.device, credentials),
            registrationId,
          )
        }
        await Promise.all([
          one('r48-direct', root, rootGroup, root, ''),
          one('r48-chain', between, rootGroup, root, between.certificate),
          one('r48-whole-chain', between, rootGroup, root, between.certificate + root.certificate),
          // An intermediate is enrolled; the root above it is nowhere.
          one('r48-intermediate', plant, plantGroup, plant, ''),
        ])
        const leafWithoutChain = shop().make({ commonName: idOf('r48-broken'), issuer: between })
        await isUnauthorized(transport, register(transport, byCertificate(idOf('r48-broken'), leafWithoutChain)))
        const stranger = shop().make({ commonName: `fleet root ${name}`, isAuthority: true })
        const forged = shop().make({ commonName: idOf('r48-forged'), issuer: stranger })
        await isUnauthorized(
          transport,
          register(transport, byCertificate(idOf('r48-forged'), forged, stranger.certificate)),
        )
        // The registration id is the common name of the leaf, and no other.
        const leaf = shop().make({ commonName: idOf('r48-name'), issuer: root })
        await isUnauthorized(transport, register(transport, byCertificate(idOf('r48-else'), leaf)))
      })

      test(`row 50 ${name}: registers again, by each re-provisioning policy`, { skip }, async () => {
        const again = async (
          row: string,
          reprovisionPolicy: { updateHubAssignment: boolean; migrateDeviceData: boolean } | undefined,
          substatus: string,
        ): Promise<void> => {
          const registrationId = idOf(row)
          const key = keyFor(registrationId)
          await put(service(), {
            registrationId,
            attestation: keyAttestation(key),
            ...(reprovisionPolicy !== undefined && { reprovisionPolicy }),
          })
          const first = await register(transport, byKey(registrationId, key))
          const { generationId } = await assigned(first, { registrationId, deviceId: registrationId })
          const second = await register(transport, byKey(registrationId, key))
          assert.deepEqual([first.substatus, second.substatus], ['initialAssignment', substatus])
          assert.equal(second.createdDateTimeUtc, first.createdDateTimeUtc)
          // It is the same device still, not one made anew.
          assert.equal((await theHub().show(registrationId)).generationId, generationId)
        }
        await Promise.all([
          again('r50-default', undefined, 'reprovisionedToInitialAssignment'),
          again('r50-keep', { updateHubAssignment: true, migrateDeviceData: true }, 'reprovisionedToInitialAssignment'),
          again('r50-reset', { updateHubAssignment: true, migrateDeviceData: false }, 'deviceDataReset'),
          again('r50-never', { updateHubAssignment: false, migrateDeviceData: false }, 'initialAssignment'),
        ])
      })

      test(`row 50 ${name}: refuses a disabled enrolment, an unknown one, another key, another scope`, {
        skip,
      }, async () => {
        const registrationId = idOf('r50-refused')
        const key = keyFor(registrationId)
        const enrollment = {
          registrationId,
          attestation: keyAttestation(key),
        }
        await put(service(), { ...enrollment, provisioningStatus: 'disabled' })
        await isUnauthorized(transport, register(transport, byKey(registrationId, key)))
        const enabled = { ...enrollment, provisioningStatus: 'enabled' as const }
        await put(service(), enabled)
        await isUnauthorized(transport, register(transport, byKey(registrationId, keyFor('another'))))
        await isUnauthorized(transport, register(transport, byKey(idOf('r50-unknown'), key)))
        await isUnauthorized(transport, register(transport, byKey(registrationId, key), { idScope: '0ne00000000' }))
        // None of it made a device.
        assert.equal((await theHub().api('GET', `/devices/${registrationId}`)).status, 404)
        const result = await register(transport, byKey(registrationId, key), { payload: { rack: 4 } })
        await assigned(result, { registrationId, deviceId: registrationId })
        assert.equal(result.payload, undefined, 'a payload is for custom allocation, which answers with its own')
        await service().deleteIndividualEnrollment(registrationId)
        await isUnauthorized(transport, register(transport, byKey(registrationId, key)))
        // What was provisioned stays.
        await connects(clientOf(keyString(result, key), transport.device), registrationId)
      })
    })
  }
})
