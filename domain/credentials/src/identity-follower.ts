/** What becomes of an identity's certificates when something becomes of the identity. */

import { type Authentication, type IdentityChanged, identityText, thumbprintsOf } from '@holdfast/identity'
import type { IssuedCertificates } from './issued-certificates.ts'
import { RECORDS_PER_IDENTITY_MAX, UNSETTLED_MAX } from './limits.ts'
import type { IssuedCertificateStore } from './store.ts'

/** Records of a device and its modules that one step takes: 32 of each, as far as there are so many. */
const RECORDS_MAX = 2_000

/**
 * For `RegistryParts.changed`. Authentication does not wait for what is written here: it looks at the identity itself.
 * What is written is for CRLs, OCSP and operators, so that a failure is told and made good later.
 */
export class IdentityFollower {
  readonly #issued: IssuedCertificates
  readonly #store: Pick<IssuedCertificateStore, 'listIssuedOf'>
  readonly #fault: (error: unknown) => void
  readonly #unsettled = new Map<string, IdentityChanged>()

  constructor(
    issued: IssuedCertificates,
    store: Pick<IssuedCertificateStore, 'listIssuedOf'>,
    fault: (error: unknown) => void,
  ) {
    this.#issued = issued
    this.#store = store
    this.#fault = fault
  }

  /** Never rejects. */
  async changed(change: IdentityChanged): Promise<void> {
    try {
      await this.#follow(change)
    } catch (error) {
      this.#fault(error)
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
    const key = before
    if (after === undefined) {
      const modules = before.moduleId === undefined
      const page = { limit: RECORDS_MAX, modules }
      await this.#issued.revoke(() => this.#store.listIssuedOf(key, page), key, 'cessationOfOperation', actor)
      return
    }
    const all = (): ReturnType<IssuedCertificateStore['listIssuedOf']> =>
      this.#store.listIssuedOf(key, { limit: RECORDS_PER_IDENTITY_MAX })
    const live = async () => (await all()).filter((one) => one.state !== 'retired')
    if (endsCertificates(before.authentication, after.authentication)) {
      await this.#issued.revoke(live, key, 'affiliationChanged', actor)
    }
    if (before.status === after.status) return
    if (after.status === 'disabled') await this.#issued.revoke(live, key, 'certificateHold', actor)
    else await this.#issued.release(key, actor)
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
