/** What supply says to provisioning: which key a claimed device proves itself by, and which keys come no more. */

import { assertNever, type Clock } from '@holdfast/base'
import { symmetricKeyDigest } from './claim-code.ts'
import type { Enrollment, Proof, SupplyRules } from '@holdfast/provisioning'
import type { Models } from '@holdfast/models'
import { parseCertificate, PkiError } from '@holdfast/pki'
import type { LifeFacts } from './device-life.ts'
import type { Lives } from './lives.ts'
import { digestOf, type EntryKey, publicAreaOf } from './manifest-entry.ts'
import type { KeyDigest, SupplyStore } from './store.ts'
import type { SupplyEntry } from './supply-entry.ts'

export interface ProvisioningRulesParts {
  readonly store: SupplyStore
  readonly lives: Lives
  readonly models: Models
  readonly clock: Clock
  /** Base64; see `claim-code.ts`. */
  readonly codeKey: string
  readonly identityOf: (deviceId: string) => Promise<{ readonly generationId: string } | undefined>
}

export function provisioningRules(parts: ProvisioningRulesParts): SupplyRules {
  const { store, lives, models, codeKey, clock } = parts
  return {
    async bindingOf(registrationId, leaf): Promise<Enrollment | undefined> {
      const entry = await store.readBinding(registrationId)
      return entry && enrollmentOf(entry, registrationId, leaf)
    },

    areRetired: (proof) => store.areRetired(digestsOf(proof, codeKey)),

    async assigning({ enrollment, registrationId, proof }, deviceId): Promise<void> {
      const facts = await factsOf(store, enrollment, registrationId, proof)
      if (facts !== undefined) {
        await lives.change(deviceId, { kind: 'provisioning', facts }, `registration/${registrationId}`)
      }
    },

    async assigned({ registrationId, proof }, deviceId): Promise<void> {
      const identity = await parts.identityOf(deviceId)
      if (identity !== undefined && (await store.areRetired(digestsOf(proof, codeKey)))) {
        // Its key was retired while it was on its way to be an identity: the gate refuses that, and the sweep ends it.
        const { generationId } = identity
        const reason = 'its key was retired while it was provisioned'
        const actor = `registration/${registrationId}`
        await lives.retire({ deviceId, generationId, at: clock.wall(), actor, reason, keys: [] })
        return
      }
      const life = await lives.written(deviceId)
      if (life === undefined || identity === undefined) return
      const { generationId } = identity
      // A model that is not there asks for everything it could.
      const needsCommissioning =
        life.model !== undefined && models.requirements(life.model)?.rules.commissioning !== false
      const change = { kind: 'provisioned', generationId, needsCommissioning } as const
      await lives.change(deviceId, change, `registration/${registrationId}`)
    },
  }
}

/** From the entry that was claimed; else from what the enrolment says (`optionalDeviceInformation.holdfast.model`). */
async function factsOf(
  store: SupplyStore,
  enrollment: Enrollment,
  registrationId: string,
  proof: Proof,
): Promise<LifeFacts | undefined> {
  const entry = await store.readBinding(registrationId)
  if (entry !== undefined && enrollment.id === bindingId(entry)) {
    const { model, hardwareRevision, keyStorage, owner, manufacturer, serial, key } = entry
    const facts = { model, hardwareRevision, keyStorage, keyKind: key.kind, manufacturer, serial }
    return { ...facts, ...(owner === undefined ? {} : { owner }) }
  }
  const model = modelOf(enrollment.deviceInformation)
  if (model === undefined) return undefined
  return proof.kind === 'tpm' ? { model, keyStorage: 'tpm', keyKind: 'endorsement-key' } : { model }
}

/** No id of an enrolment: those have no blanks. */
function bindingId({ manufacturer, serial }: SupplyEntry): string {
  return `claimed ${manufacturer} ${serial}`
}

/**
 * The claim as an individual enrolment. Of a public key alone it is one of the certificate that is shown, if that has
 * the key; the proof then goes its ordinary way. A key that is not the one matches no certificate there is.
 */
function enrollmentOf(entry: SupplyEntry, registrationId: string, leaf: Uint8Array | undefined): Enrollment {
  const at = entry.claimedTime ?? entry.importedTime
  return {
    id: bindingId(entry),
    scope: 'individual',
    attestation: attestationOf(entry.key, leaf),
    status: 'enabled',
    etag: '',
    createdTime: at,
    updatedTime: at,
    deviceId: registrationId,
    iotEdge: false,
    reprovision: { updateHubAssignment: true, migrateDeviceData: true },
    allocation: 'static',
  }
}

function attestationOf(key: EntryKey, leaf: Uint8Array | undefined): Enrollment['attestation'] {
  if (key.kind === 'endorsement-key') return { kind: 'tpm', endorsementKey: sized(key.bytes) }
  if (key.kind === 'certificate') return { kind: 'x509', primary: key.bytes }
  const shown = leaf === undefined ? undefined : spkiDigestOf(leaf)
  return { kind: 'x509', primary: leaf !== undefined && shown === key.digest ? leaf : new Uint8Array() }
}

function digestsOf(proof: Proof, codeKey: string): readonly KeyDigest[] {
  switch (proof.kind) {
    case 'symmetricKey':
      return [proof.primaryKey, proof.secondaryKey].map((key) => ({
        kind: 'symmetric-key',
        digest: symmetricKeyDigest(codeKey, key),
      }))
    case 'x509': {
      const { sha1, sha256, chain } = proof.certificate
      const leaf = chain[0]
      const spki = leaf === undefined ? undefined : spkiDigestOf(leaf)
      return [
        { kind: 'certificate', digest: sha1 },
        { kind: 'certificate', digest: sha256 },
        ...(spki === undefined ? [] : [{ kind: 'public-key', digest: spki } as const]),
      ]
    }
    case 'tpm': {
      const area = publicAreaOf(proof.endorsementKey)
      return area === undefined ? [] : [{ kind: 'endorsement-key', digest: digestOf(area) }]
    }
    default:
      return assertNever(proof)
  }
}

/** TPM2B_PUBLIC: the area with its length before it (TPM 2.0 Part 2, 12.2.5). */
function sized(area: Uint8Array): Uint8Array {
  return Uint8Array.from([area.length >> 8, area.length & 0xff, ...area])
}

function spkiDigestOf(der: Uint8Array): string | undefined {
  try {
    return digestOf(parseCertificate(der).spki)
  } catch (error) {
    if (error instanceof PkiError) return undefined
    throw error
  }
}

/** `optionalDeviceInformation` is whatever a service wrote; only this one member of it means anything here. */
function modelOf(deviceInformation: string | undefined): string | undefined {
  if (deviceInformation === undefined) return undefined
  const value: unknown = JSON.parse(deviceInformation)
  const ours: unknown = memberOf(value, 'holdfast')
  const model = memberOf(ours, 'model')
  return typeof model === 'string' ? model : undefined
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}
