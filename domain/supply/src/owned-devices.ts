/** What this room needs of the identities. Each call resolves when it is durable and no session rests on what it took. */

import type { Identity } from '@holdfast/identity'

export interface OwnedDevices {
  read(deviceId: string): Promise<Identity | undefined>
  /**
   * Base64: the symmetric keys by which its enrolments provision it, derived ones among them. An identity that has left
   * its keys for a certificate does not have them any more; the device does.
   */
  enrolledKeys(deviceId: string): Promise<readonly string[]>
  /**
   * Takes away every credential that the device has: keys are made anew, anything else proves it no more until it is
   * provisioned or given a credential again.
   */
  remint(deviceId: string, options: { readonly isBound: boolean }, actor: string): Promise<void>
  /** Deletes the individual enrolment and the registration under which the device came, so that its next is a first. */
  unbind(deviceId: string, actor: string): Promise<void>
  clearTags(deviceId: string, actor: string): Promise<void>
  /** Deletes the identity of this generation, and with it twin, messages, modules and secrets. No error if it is gone. */
  delete(deviceId: string, generationId: string, actor: string): Promise<void>
}
