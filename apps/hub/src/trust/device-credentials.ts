/** The certificates that this hub issues to devices, put together: their profiles, records, service and followers. */

import type { AdmissionGates } from '@holdfast/admission'
import type { Clock } from '@holdfast/base'
import {
  CredentialError,
  CredentialService,
  type HubIssuer,
  IdentityFollower,
  IssuedCertificates,
  type IssuedCertificateStore,
  Profiles,
  type ProfileStore,
  type RandomBytes,
} from '@holdfast/credentials'
import type { DeviceCertificates } from '@holdfast/provisioning'
import {
  type Cut,
  type IdentityChanged,
  IdentityError,
  type IdentityKey,
  type KeyRegister,
  type Registry,
} from '@holdfast/identity'

export interface DeviceCredentialsParts {
  readonly store: IssuedCertificateStore & ProfileStore
  readonly issuer: HubIssuer
  readonly clock: Clock
  readonly random: RandomBytes
  /** Asked when the first device comes, so that it may be made later than this. */
  readonly registry: () => Registry
  /** Which key proves whom. */
  readonly keys: Pick<KeyRegister, 'claim'>
  readonly close: (cuts: readonly Cut[]) => Promise<{ readonly sessionsClosed: number; readonly milliseconds: number }>
  /** Told of what failed and is tried again. MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

/** Records forgotten in one step of upkeep, as often as a step finds that many. */
const SWEEPS_MAX = 20

/** How often it is tried to have an identity leave its keys while others change it. */
const LEAVES_MAX = 5

export class DeviceCredentials {
  readonly issued: IssuedCertificates
  readonly service: CredentialService
  readonly #follower: IdentityFollower
  readonly #fault: (error: unknown) => void

  private constructor(issued: IssuedCertificates, service: CredentialService, parts: DeviceCredentialsParts) {
    this.issued = issued
    this.service = service
    const identities = { read: (key: IdentityKey) => parts.registry().read(key) }
    this.#follower = new IdentityFollower({ issued, store: parts.store, identities, fault: parts.fault })
    this.#fault = parts.fault
  }

  /** @throws TypeError when the profiles in the store cannot be read. */
  static async open(parts: DeviceCredentialsParts): Promise<DeviceCredentials> {
    const { store, issuer, clock, random, registry, keys, close, fault } = parts
    const profiles = await Profiles.open({ store, clock })
    const leaveKeys = (key: IdentityKey, generationId: string): Promise<void> =>
      leaveKeysFor(registry(), key, generationId, close)
    const issued = new IssuedCertificates({ store, profiles, issuer, clock, close, leaveKeys, fault })
    const identities = { read: (key: IdentityKey) => registry().read(key) }
    const service = new CredentialService({
      store,
      issued,
      profiles,
      issuer,
      identities,
      keys,
      clock,
      random,
      close,
    })
    return new DeviceCredentials(issued, service, parts)
  }

  /** For `RegistryParts.changed`. */
  changed(change: IdentityChanged): Promise<void> {
    return this.#follower.changed(change)
  }

  /** Closes sessions on retired certificates whose overlap has ended; call every second or so. Never rejects. */
  tick(): void {
    this.issued.closeOverlaps().catch(this.#fault)
  }

  /** Tries again what could not be written, and forgets what is of no use any more; call every minute or so. */
  async upkeep(): Promise<void> {
    await this.#follower.settle()
    for (let sweeps = 0; sweeps < SWEEPS_MAX && (await this.service.sweep()) > 0; ) sweeps += 1
  }
}

/** The identity proves itself by certificates from now on; what rests on its keys is closed. */
async function leaveKeysFor(
  registry: Registry,
  key: IdentityKey,
  generationId: string,
  close: DeviceCredentialsParts['close'],
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const identity = await registry.read(key)
    if (identity?.generationId !== generationId || identity.authentication.kind === 'certificateAuthority') return
    try {
      const found = { kind: 'etag', etag: identity.etag } as const
      const authentication = { kind: 'certificateAuthority' } as const
      const { cuts } = await registry.update(key, { authentication }, 'hub', found)
      await close(cuts)
      return
    } catch (error) {
      // Gone or changed in the same moment: looked at once more. What fails is tried again at the next proof.
      if (!(error instanceof IdentityError) || attempt >= LEAVES_MAX) throw error
    }
  }
}

/**
 * Certificates with registrations: by the profile that the enrolment names, which stays that of the device.
 * @param mayIssue whether the gates let a device have one, connected or not.
 */
export function registrationCertificates(
  service: CredentialService,
  mayIssue: (key: IdentityKey) => Promise<boolean>,
): DeviceCertificates {
  return {
    hasProfile: (name) => service.profiles.read(name) !== undefined,
    faultOf: (request, names) => service.faultOf(request, names)?.message,
    issue: async ({ deviceId, request, names, profile, actor }) => {
      const key = { deviceId }
      if (!(await mayIssue(key))) {
        return { kind: 'refused', code: 'renewal-stopped', message: 'this device gets no certificate just now' }
      }
      try {
        await service.chooseProfile(key, profile, actor)
        const { chain } = await service.issue({ key, request, names, actor, via: 'dps', replacesKeys: true })
        return { kind: 'issued', chain }
      } catch (error) {
        if (!(error instanceof CredentialError)) throw error
        return { kind: 'refused', code: error.code, message: error.message }
      }
    },
  }
}

/** Asks the gates about a device that is not connected: what they hold against it, it has in its absence too. */
export async function mayBeIssued(
  gates: Pick<AdmissionGates, 'mayRenew'>,
  registry: Pick<Registry, 'read'>,
  clock: Clock,
  key: IdentityKey,
): Promise<boolean> {
  const identity = await registry.read(key)
  if (identity === undefined) return false
  return gates.mayRenew({
    key,
    generationId: identity.generationId,
    basis: { kind: 'device-key', slot: 'primary' },
    lane: 'full',
    address: '',
    transport: 'https',
    tlsVersion: '',
    tlsFingerprint: '',
    at: clock.wall(),
  })
}
