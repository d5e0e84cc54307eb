/**
 * Row 51 of azure-iot.md §12: a registration that carries a certification request (§6.3). No SDK for Node sends one, so it
 * is sent by hand, in the words of 2025-07-01-preview; keys, requests and what comes back are openssl's, and the device
 * then connects with the official SDK.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, suite, test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import type { Packet } from 'mqtt-packet'
import { Message } from './azure-sdk.ts'
import { Workshop } from './certificates.ts'
import { HubProcess } from './hub-process.ts'
import { askRaw } from './raw-https.ts'
import { connectPacket, publishPacket, RawMqtt, type RawTransport, subscribePacket } from './raw-mqtt.ts'
import { derivedKey, keyOf, sas } from './sas.ts'
import { certifiedClient, DEVICE_TRANSPORTS, open } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = (await requireStandardPorts()) || requireTool('openssl')
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())
const workshop = skip === false ? new Workshop() : undefined

const VERSION = '2025-07-01-preview'
const WAIT_MS = 1_100

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

function shop(): Workshop {
  assert.ok(workshop !== undefined)
  return workshop
}

interface Request {
  /** PEM. */
  readonly key: string
  /** Base64 of DER, without armour. */
  readonly csr: string
}

/** As the preview has it: EC P-384, the registration id as common name. */
function requestFor(commonName: string, curve = 'P-384'): Request {
  const key = execFileSync('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const file = shop().write('device.key', key)
  const der = execFileSync('openssl', ['req', '-new', '-key', file, '-subj', `/CN=${commonName}`, '-outform', 'DER'])
  return { key, csr: der.toString('base64') }
}

interface RegistrationDocument {
  readonly status: string
  readonly operationId?: string
  readonly errorCode?: number
  readonly message?: string
  readonly registrationState?: {
    readonly deviceId?: string
    readonly assignedHub?: string
    readonly errorCode?: number
    readonly errorMessage?: string
    readonly issuedCertificateChain?: readonly string[]
  }
}

interface Answer {
  readonly status: number
  readonly body: RegistrationDocument
}

interface Registrant {
  readonly registrationId: string
  readonly key: string
}

const tokenOf = ({ registrationId, key }: Registrant): string =>
  sas({
    resource: encodeURIComponent(`${theHub().ready.idScope}/registrations/${registrationId}`),
    key,
    seconds: 600,
    policy: 'registration',
  })

/** Registers and polls until there is an outcome, or a refusal. */
type Register = (who: Registrant, csr: string | undefined) => Promise<Answer>

async function overHttps(who: Registrant, csr: string | undefined): Promise<Answer> {
  const at = `/${theHub().ready.idScope}/registrations/${who.registrationId}`
  const headers = { authorization: tokenOf(who), 'content-type': 'application/json' }
  const ask = async (method: string, path: string, body?: object): Promise<Answer> => {
    const answer = await askRaw(theHub(), {
      method,
      path: `${path}?api-version=${VERSION}`,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: JSON.parse(answer.body) as RegistrationDocument }
  }
  let answer = await ask('PUT', `${at}/register`, { registrationId: who.registrationId, csr })
  while (answer.status === 202) {
    await pause()
    answer = await ask('GET', `${at}/operations/${answer.body.operationId}`)
  }
  return answer
}

const overMqtt =
  (transport: RawTransport): Register =>
  async (who, csr) => {
    const wire = await RawMqtt.open(theHub(), transport)
    const username = `${theHub().ready.idScope}/registrations/${who.registrationId}/api-version=${VERSION}`
    wire.send(connectPacket({ clientId: who.registrationId, username, password: tokenOf(who), isClean: true }))
    assert.equal((await wire.next())?.cmd, 'connack')
    wire.send(subscribePacket([['$dps/registrations/res/#', 1]]))
    assert.equal((await wire.next())?.cmd, 'suback')
    let requests = 0
    const ask = async (topic: string, body: string): Promise<Answer> => {
      requests += 1
      wire.send(publishPacket(`${topic}$rid=${requests}`, body, { packetId: 10 + requests }))
      for (let one: Packet | undefined = await wire.next(); ; one = await wire.next()) {
        assert.ok(one !== undefined, 'the hub closed the connection')
        if (one.cmd !== 'publish') continue
        const status = /^\$dps\/registrations\/res\/(\d+)\//.exec(one.topic)?.[1]
        return { status: Number(status), body: JSON.parse(one.payload.toString()) as RegistrationDocument }
      }
    }
    const { registrationId } = who
    let answer = await ask('$dps/registrations/PUT/iotdps-register/?', JSON.stringify({ registrationId, csr }))
    while (answer.status === 202) {
      await pause()
      const query = `operationId=${answer.body.operationId}&`
      answer = await ask(`$dps/registrations/GET/iotdps-get-operationstatus/?${query}`, ' ')
    }
    wire.destroy()
    return answer
  }

const REGISTER: readonly (readonly [string, Register])[] = [
  ['https', overHttps],
  ['mqtt', overMqtt('mqtt')],
  ['mqtt-ws', overMqtt('mqtt-ws')],
]

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, WAIT_MS)
  })
}

const groupKey = Buffer.alloc(48, 7).toString('base64')
const inGroup =
  (group: string) =>
  (registrationId: string): Registrant => ({
    registrationId,
    key: derivedKey(Buffer.from(group.padEnd(48, '.')).toString('base64'), registrationId),
  })

async function createGroup(id: string, certificateProfile?: string): Promise<(id: string) => Registrant> {
  const primaryKey = Buffer.from(id.padEnd(48, '.')).toString('base64')
  const body = { id, attestation: 'symmetric-key', primaryKey, secondaryKey: groupKey }
  const made = await theHub().api('POST', '/enrollment-groups', {
    ...body,
    ...(certificateProfile === undefined ? {} : { certificateProfile }),
  })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  return inGroup(id)
}

/** PEM of a chain of base64 DER. */
const pemOf = (chain: readonly string[]): string[] =>
  chain.map((der) => `-----BEGIN CERTIFICATE-----\n${der.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`)

suite('registration with a certification request', { skip, concurrency: true }, () => {
  for (const [transport, register] of REGISTER) {
    test(`row 51 ${transport}: the device gets a certificate for its request, and connects with it`, async () => {
      const member = await createGroup(`csr-${transport}`, 'device')
      const who = member(`row51-${transport}`)
      const { key, csr } = requestFor(who.registrationId)
      const { status, body } = await register(who, csr)
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(body.status, 'assigned')
      assert.equal(body.registrationState?.deviceId, who.registrationId)
      const [leaf = '', ...above] = pemOf(body.registrationState?.issuedCertificateChain ?? [])
      assert.equal(above.length, 2, 'leaf first, root last')
      const file = (name: string, text: string): string => shop().write(name, text)
      const [issuing = '', root = ''] = above
      assert.equal(
        new X509Certificate(root).fingerprint256,
        new X509Certificate(readFileSync(theHub().ready.caFile)).fingerprint256,
      )
      const verified = execFileSync(
        'openssl',
        [
          'verify',
          '-purpose',
          'sslclient',
          '-CAfile',
          file('root.pem', root),
          '-untrusted',
          file('issuing.pem', issuing),
          file('leaf.pem', leaf),
        ],
        { encoding: 'utf8' },
      )
      assert.match(verified, /: OK/)
      const certificate = new X509Certificate(leaf)
      assert.ok(certificate.publicKey.equals(createPublicKey(key)), 'it is for the key of the request')
      assert.equal(certificate.subject, `CN=${who.registrationId}`)

      const client = await certifiedClient(
        `HostName=localhost;DeviceId=${who.registrationId};x509=true`,
        DEVICE_TRANSPORTS[0],
        { cert: leaf, key },
      )
      await open(client)
      await client.sendEvent(new Message('with a certificate'))
      await client.close()
      assert.equal((await theHub().messages(who.registrationId)).at(-1)?.body, 'with a certificate')
      assert.equal((await theHub().show(who.registrationId)).auth, 'x509-ca')

      // A device that has left its key for a certificate is not given the key back by registering again.
      const again = await register(who, undefined)
      assert.equal(again.body.status, 'assigned')
      assert.equal(again.body.registrationState?.issuedCertificateChain, undefined)
      assert.equal((await theHub().show(who.registrationId)).auth, 'x509-ca')
    })

    test(`row 51 ${transport}: requests that are none, or of another, are refused with 400`, async () => {
      const member = await createGroup(`csr-bad-${transport}`, 'device')
      const who = member(`bad51-${transport}`)
      const other = requestFor('somebody-else')
      const good = Buffer.from(requestFor(who.registrationId).csr, 'base64')
      good[good.length - 1] = (good.at(-1) ?? 0) ^ 1
      for (const [csr, why] of [
        ['AAAA', /not DER|not a certification request/],
        ['%%%', /base64/],
        [other.csr, /common name/],
        [requestFor(who.registrationId, 'secp256k1').csr, /curve/],
        [good.toString('base64'), /not signed with its own key/],
      ] as const) {
        const { status, body } = await register(who, csr)
        assert.equal(status, 400, JSON.stringify(body))
        assert.match(body.message ?? '', why)
      }
      const none = await createGroup(`csr-none-${transport}`)
      const outsider = none(`none51-${transport}`)
      const refused = await register(outsider, requestFor(outsider.registrationId).csr)
      assert.equal(refused.status, 400)
      assert.match(refused.body.message ?? '', /clientCertificateIssuancePolicy/)
    })
  }

  test('row 51 https: a look-up with a request is refused, and without one does not repeat the certificate', async () => {
    const member = await createGroup('csr-look-up', 'device')
    const who = member('look-up-51')
    await overHttps(who, requestFor(who.registrationId).csr)
    const ask = (body: object) =>
      askRaw(theHub(), {
        method: 'POST',
        path: `/${theHub().ready.idScope}/registrations/${who.registrationId}?api-version=${VERSION}`,
        headers: { authorization: tokenOf(who), 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    assert.equal((await ask({ registrationId: who.registrationId, csr: 'AAAA' })).status, 400)
    const found = await ask({ registrationId: who.registrationId })
    assert.equal(found.status, 200)
    assert.doesNotMatch(found.body, /issuedCertificateChain/)
  })

  test('row 51 https: an enrolment keeps its policy through the service API, in the words of either preview', async () => {
    const service = await theHub().policy('provisioningserviceowner')
    const authorization = sas({
      resource: 'localhost',
      key: keyOf(service),
      seconds: 600,
      policy: 'provisioningserviceowner',
    })
    const at = `/enrollments/policy-51?api-version=${VERSION}`
    const put = async (more: object): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> => {
      const answer = await askRaw(theHub(), {
        method: 'PUT',
        path: at,
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({
          registrationId: 'policy-51',
          attestation: { type: 'symmetricKey', symmetricKey: {} },
          ...more,
        }),
      })
      return { status: answer.status, body: JSON.parse(answer.body) as Record<string, unknown> }
    }
    for (const words of [
      { clientCertificateIssuancePolicy: { certificateAuthorityName: 'device' } },
      { credentialPolicyName: 'device' },
    ]) {
      const { status, body } = await put(words)
      assert.equal(status, 200, JSON.stringify(body))
      assert.deepEqual(body.clientCertificateIssuancePolicy, { certificateAuthorityName: 'device' })
      assert.equal(body.credentialPolicyName, 'device')
    }
    assert.equal((await put({ credentialPolicyName: 'nobody-knows' })).status, 400)
    assert.equal((await put({})).body.credentialPolicyName, undefined)
  })
})
