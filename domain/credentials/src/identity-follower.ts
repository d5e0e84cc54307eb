/** What becomes of an identity's certificates when something becomes of the identity. */

import {
  type Authentication,
  type Identity,
  type IdentityChanged,
  type IdentityKey,
  identityText,
  thumbprintsOf,
} from '@holdfast/identity'
import type { IssuedCertificate } from './issued-certificate.ts'
import type { IssuedCertificates } from './issued-certificates.ts'
import { RECORDS_PER_IDENTITY_MAX, UNSETTLED_MAX } from './limits.ts'
import type { IssuedCertificateStore } from './store.ts'

/** Records of a device and its modules that one step takes: 32 of each, as far as there are so many. */
const RECORDS_MAX = 2_000

export interface FollowerParts {
  readonly issued: IssuedCertificates
  readonly store: Pick<IssuedCertificateStore, 'listIssuedOf'>
  /** As they are now: what is made good late must not fall on who has come under the same id since. */
  readonly identities: { read(key: IdentityKey): Promise<Identity | undefined> }
  /** Told of what failed and is tried again. MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

/**
 * For `RegistryParts.changed`. Authentication does not wait for what is written here: it looks at the identity itself.
 * What is written is for CRLs, OCSP and operators, so that a failure is told and made good later.
 */
export class IdentityFollower {
  readonly #parts: FollowerParts
  readonly #unsettled = new Map<string, IdentityChanged>()

  constructor(parts: FollowerParts) {
    this.#parts = parts
  }

  /** Never rejects. */
  async changed(change: IdentityChanged): Promise<void> {
    try {
      await this.#follow(change)
    } catch (error) {
      this.#parts.fault(error)
      const name = `${identityText(change.before)} ${change.before.generationId}`
      if (this.#unsettled.size < UNSETTLED_MAX) this.#unsettled.set(name, change)
    }
  }

  /** Tries again what failed; call every minute or so. */
  async settle(): Promise<void> {
    for (const [name, change] of this.#unsettled) {
      this.#unsettled.delete(name)
      await this.changed(change)
    }
  }

  async #follow({ before, after, actor }: IdentityChanged): Promise<void> {
    const { issued, store, identities } = this.#parts
    const key = before
    if (after === undefined) {
      await issued.revoke(() => this.#leftBy(before), key, 'cessationOfOperation', actor)
      return
    }
    const live = async (): Promise<readonly IssuedCertificate[]> => {
      const all = await store.listIssuedOf(key, { limit: RECORDS_PER_IDENTITY_MAX })
      return all.filter((one) => one.state !== 'retired' && one.generationId === before.generationId)
    }
    if (endsCertificates(before.authentication, after.authentication)) {
      await issued.revoke(live, key, 'affiliationChanged', actor)
    }
    if (before.status === after.status) return
    // A change that is followed late may have been followed by others: what holds is what the identity is now.
    const now = await identities.read(key)
    if (now === undefined || now.generationId !== before.generationId || now.status !== after.status) return
    if (after.status === 'disabled') await issued.revoke(live, key, 'certificateHold', actor)
    else await issued.release(key, actor)
  }

  /** What was issued to an identity that is gone, and of a device to the modules that went with it. */
  async #leftBy({ deviceId, moduleId, generationId }: Identity): Promise<readonly IssuedCertificate[]> {
    const { store, identities } = this.#parts
    const isDevice = moduleId === undefined
    const key = isDevice ? { deviceId } : { deviceId, moduleId }
    const records = await store.listIssuedOf(key, { limit: RECORDS_MAX, modules: isDevice })
    const present = new Map<string, string | undefined>()
    const left: IssuedCertificate[] = []
    for (const record of records) {
      const name = identityText(record.key)
      if (!present.has(name)) present.set(name, (await identities.read(record.key))?.generationId)
      // Somebody new under the id keeps what is theirs.
      if (record.generationId === generationId || record.generationId !== present.get(name)) left.push(record)
    }
    return left
  }
}

/** Whether the identity has been given another way to prove itself than certificates of an authority. */
function endsCertificates(before: Authentication, after: Authentication): boolean {
  if (after.kind === 'certificateAuthority') return false
  if (before.kind !== after.kind) return true
  if (before.kind === 'sas' && after.kind === 'sas') {
    return before.primaryKey !== after.primaryKey || before.secondaryKey !== after.secondaryKey
  }
  return thumbprintsOf(before).join() !== thumbprintsOf(after).join()
}
