/**
 * Row 49 of azure-iot.md §12: devices with a TPM are provisioned by the official SDK over HTTPS, and connect with tokens
 * that the TPM signs. The TPM is swtpm. `azure-iot-security-tpm` does not build any more; in its place stands the
 * interface that the SDK asks for, over commands to the TPM.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { SoftwareTpm, TpmDevice } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { Client, Message, Mqtt, ProvisioningDeviceClient, type ProvisioningServiceClient } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { byKey, keyAttestation, PROVISIONING_TRANSPORTS, put, serviceOf } from './provisioning-sdk.ts'
import { failure, neverRetry, open } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const ports = await requireStandardPorts()
const skip = ports === false ? requireTool('swtpm') : ports
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
const folder = await mkdtemp(join(tmpdir(), 'holdfast-row-49-'))
const tpms: SoftwareTpm[] = []
let folders = 0
const devices: TpmDevice[] = []
const owner = hub && (await serviceOf(hub))

after(async () => {
  await hub?.stop()
  for (const device of devices) await device.close()
  for (const tpm of tpms) await tpm.stop()
  await rm(folder, { recursive: true, force: true })
})

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

function service(): ProvisioningServiceClient {
  assert.ok(owner !== undefined)
  return owner
}

async function newTpm(): Promise<TpmDevice> {
  const tpm = await SoftwareTpm.start(join(folder, `tpm-${folders++}`))
  tpms.push(tpm)
  const device = await TpmDevice.open(tpm)
  devices.push(device)
  return device
}

type Callback<T> = (error: Error | undefined, value?: T) => void

/** As `TpmSecurityClient` of azure-iot-provisioning-device/dist/interfaces.d.ts. */
class SecurityClient {
  readonly #device: TpmDevice
  readonly #registrationId: string
  activations = 0

  constructor(device: TpmDevice, registrationId?: string) {
    this.#device = device
    this.#registrationId = registrationId ?? defaultRegistrationId(device.endorsementKey)
  }

  getEndorsementKey(callback: Callback<Buffer>): void {
    callback(undefined, Buffer.from(this.#device.endorsementKey))
  }

  getStorageRootKey(callback: Callback<Buffer>): void {
    callback(undefined, Buffer.from(this.#device.storageRootKey))
  }

  getRegistrationId(callback: Callback<string>): void {
    callback(undefined, this.#registrationId)
  }

  signWithIdentity(data: Buffer, callback: Callback<Buffer>): void {
    this.#device.sign(data).then((signed) => callback(undefined, Buffer.from(signed)), callback)
  }

  activateIdentityKey(blob: Buffer, callback: Callback<never>): void {
    this.activations += 1
    this.#device.activate(blob).then(() => callback(undefined), callback)
  }
}

/** RFC 4648 base32 of SHA-256 over the endorsement key, as every SDK makes it. */
function defaultRegistrationId(endorsementKey: Uint8Array): string {
  let bits = ''
  for (const byte of createHash('sha256').update(endorsementKey).digest()) bits += byte.toString(2).padStart(8, '0')
  const groups = bits.match(/.{1,5}/g) ?? []
  return groups.map((group) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(group.padEnd(5, '0'), 2)]).join('')
}

interface TpmOutcome {
  readonly status: string
  readonly registrationState: {
    readonly registrationId: string
    readonly deviceId: string
    readonly assignedHub: string
    readonly status: string
    readonly substatus: string
    readonly tpm: { readonly authenticationKey: string }
  }
}

async function register(security: SecurityClient): Promise<TpmOutcome> {
  const { idScope } = theHub().ready
  const [, , https] = PROVISIONING_TRANSPORTS
  assert.equal(https?.name, 'https')
  const client = ProvisioningDeviceClient.create(
    'localhost',
    idScope,
    https.create(),
    security as unknown as Parameters<typeof ProvisioningDeviceClient.create>[3],
  )
  return (await client.register()) as unknown as TpmOutcome
}

const tpmAttestation = (device: TpmDevice, storageRootKey?: Uint8Array): object => ({
  type: 'tpm',
  tpm: {
    endorsementKey: Buffer.from(device.endorsementKey).toString('base64'),
    ...(storageRootKey !== undefined && { storageRootKey: Buffer.from(storageRootKey).toString('base64') }),
  },
})

const enrol = (registrationId: string, attestation: object, more: object = {}): Promise<unknown> =>
  put(service(), { registrationId, attestation, ...more } as Parameters<typeof put>[1])

suite('provisioning by TPM', { concurrency: true }, () => {
  test('row 49 https: an individual enrolment by TPM; the device then connects with tokens its TPM signs', {
    skip,
  }, async () => {
    const device = await newTpm()
    const security = new SecurityClient(device)
    const registrationId = defaultRegistrationId(device.endorsementKey)
    const created = (await enrol(registrationId, tpmAttestation(device), { deviceId: 'r49-pump' })) as {
      attestation: { type: string; tpm: { endorsementKey: string } }
    }
    assert.equal(created.attestation.type, 'tpm')
    assert.equal(created.attestation.tpm.endorsementKey, Buffer.from(device.endorsementKey).toString('base64'))

    const { status, registrationState } = await register(security)
    assert.equal(status, 'assigned')
    const { deviceId, assignedHub, substatus } = registrationState
    assert.deepEqual(
      { deviceId, assignedHub, substatus, id: registrationState.registrationId },
      { deviceId: 'r49-pump', assignedHub: 'localhost', substatus: 'initialAssignment', id: registrationId },
    )
    assert.equal(security.activations, 2)
    assert.equal((await theHub().show('r49-pump')).auth, 'sas')

    const token = await device.token('localhost/devices/r49-pump')
    const client = neverRetry(Client.fromSharedAccessSignature(token, Mqtt))
    await open(client)
    await client.sendEvent(new Message('from a TPM'))
    await client.close()
    assert.equal((await theHub().messages('r49-pump')).at(-1)?.body, 'from a TPM')

    // A second registration gives a new key, and the one before opens nothing any more.
    const again = await register(security)
    assert.equal(again.registrationState.substatus, 'reprovisionedToInitialAssignment')
    const newer = neverRetry(Client.fromSharedAccessSignature(await device.token('localhost/devices/r49-pump'), Mqtt))
    await open(newer)
    await newer.close()
    const older = neverRetry(Client.fromSharedAccessSignature(token, Mqtt))
    assert.equal((await failure(older.open())).name, 'UnauthorizedError')
  })

  test('row 49 https: another TPM, another storage root key, and who is not enrolled at all, are unauthorized', {
    skip,
  }, async () => {
    const [enrolled, other] = [await newTpm(), await newTpm()]
    await enrol('r49-named', tpmAttestation(enrolled, enrolled.storageRootKey))
    for (const security of [
      new SecurityClient(other, 'r49-named'),
      new SecurityClient(other, 'r49-nobody'),
      new SecurityClient(enrolled, 'r49-nobody'),
    ]) {
      // The SDK activates what it is given; the token it then signs is that of nobody.
      assert.equal((await failure(register(security))).name, 'UnauthorizedError')
      assert.equal(security.activations, 1)
    }
    await enrol('r49-pinned', tpmAttestation(enrolled, other.storageRootKey))
    assert.equal((await failure(register(new SecurityClient(enrolled, 'r49-pinned')))).name, 'UnauthorizedError')
    const { registrationState } = await register(new SecurityClient(enrolled, 'r49-named'))
    assert.equal(registrationState.deviceId, 'r49-named')
  })

  test('row 49 https: a TPM with an enrolment by key is refused, and so is a key with an enrolment by TPM', {
    skip,
  }, async () => {
    const device = await newTpm()
    const key = Buffer.from('k'.repeat(48)).toString('base64')
    await enrol('r49-key', keyAttestation(key))
    assert.equal((await failure(register(new SecurityClient(device, 'r49-key')))).name, 'UnauthorizedError')
    await enrol('r49-tpm', tpmAttestation(device))
    const { idScope } = theHub().ready
    const [, , https] = PROVISIONING_TRANSPORTS
    assert.ok(https !== undefined)
    const client = ProvisioningDeviceClient.create('localhost', idScope, https.create(), byKey('r49-tpm', key))
    assert.equal((await failure(Promise.resolve(client.register()))).name, 'UnauthorizedError')
  })
})
