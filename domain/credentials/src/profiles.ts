/** The profiles of a hub: kept as one setting, changed by its operator. */

import type { Because, SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { CredentialError } from './errors.ts'
import { PROFILES_MAX } from './limits.ts'
import { checkProfile, DEFAULT_PROFILE, defaultProfile, type IssuanceProfile } from './profile.ts'
import { parseProfiles } from './profile-text.ts'

const SETTING = 'certificateProfiles'

/** Where they are kept: settings by name, durable with the events of the write when it resolves. */
export interface ProfileStore {
  readSetting(name: string): Promise<string | undefined>
  writeSetting(name: string, value: string, because?: Because): Promise<void>
}

export interface ProfilesParts {
  readonly store: ProfileStore
  readonly clock: Clock
}

/** What is to be other than it is; `domain` undefined: none. */
export interface ProfileChange extends Partial<Omit<IssuanceProfile, 'name' | 'domain'>> {
  readonly domain?: string | undefined
}

export class Profiles {
  readonly #parts: ProfilesParts
  #profiles: ReadonlyMap<string, IssuanceProfile>
  #lastChange: Promise<unknown> = Promise.resolve()

  private constructor(parts: ProfilesParts, profiles: readonly IssuanceProfile[]) {
    this.#parts = parts
    this.#profiles = mapOf(profiles)
  }

  /** @throws TypeError when what is stored cannot be read: the store is damaged. */
  static async open(parts: ProfilesParts): Promise<Profiles> {
    const stored = await parts.store.readSetting(SETTING)
    return new Profiles(parts, stored === undefined ? [] : parseProfiles(stored))
  }

  /** By name; `device` is always among them. */
  list(): readonly IssuanceProfile[] {
    return [...this.#profiles.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  read(name: string): IssuanceProfile | undefined {
    return this.#profiles.get(name)
  }

  /** The profile of this name, or `device` where it is not there any more. */
  orDefault(name: string): IssuanceProfile {
    return this.#profiles.get(name) ?? this.#profiles.get(DEFAULT_PROFILE) ?? defaultProfile()
  }

  /**
   * Makes a profile, or changes it from then on: certificates that were issued stay what they are, but for their grace.
   * @param change what is to be other than in the profile that is there, or for a new one than in `device`'s defaults.
   * @throws CredentialError `invalid`, `too-many-profiles`.
   */
  async set(name: string, change: ProfileChange, actor: string): Promise<IssuanceProfile> {
    return this.#inTurn(async () => {
      const current = this.#profiles.get(name)
      const { domain: before, ...rest } = current ?? { ...defaultProfile(), isOpen: false, domain: undefined }
      const { domain: wished, ...others } = change
      const domain = 'domain' in change ? wished : before
      const profile = checkProfile({ ...rest, ...others, name, ...(domain === undefined ? {} : { domain }) })
      if (current === undefined && this.#profiles.size >= PROFILES_MAX) {
        throw new CredentialError('too-many-profiles', `there are ${PROFILES_MAX} profiles already; remove one first`)
      }
      const kind = current === undefined ? 'created' : 'changed'
      await this.#write(
        [...this.#profiles.values()].filter((one) => one.name !== name).concat(profile),
        this.#event(profile.name, actor, kind, { ...facts(profile) }),
      )
      return profile
    })
  }

  /** @throws CredentialError `missing`, `profile-in-use` for `device`. */
  async remove(name: string, actor: string): Promise<void> {
    await this.#inTurn(async () => {
      if (name === DEFAULT_PROFILE) {
        throw new CredentialError(
          'profile-in-use',
          `${DEFAULT_PROFILE} is issued where nobody chose; change it instead`,
        )
      }
      if (!this.#profiles.has(name)) throw new CredentialError('missing', 'there is no profile of this name')
      await this.#write(
        [...this.#profiles.values()].filter((one) => one.name !== name),
        this.#event(name, actor, 'removed', {}),
      )
    })
  }

  async #write(profiles: readonly IssuanceProfile[], because: SecurityEvent): Promise<void> {
    await this.#parts.store.writeSetting(SETTING, JSON.stringify(profiles), because)
    this.#profiles = mapOf(profiles)
  }

  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(change)
    this.#lastChange = turn.catch(() => undefined)
    return turn
  }

  #event(
    name: string,
    actor: string,
    change: string,
    detail: Readonly<Record<string, string | number | boolean>>,
  ): SecurityEvent {
    const at = this.#parts.clock.wall()
    const subject = `certificate-profile/${name}`
    return { type: 'certificate.profile-changed', at, subject, actor, detail: { change, ...detail } }
  }
}

function facts({ keyKinds, lifetimeMs, graceMs, isServer, isOpen, mayReplaceKeys }: IssuanceProfile) {
  const seconds = { lifetimeSeconds: lifetimeMs / 1000, graceSeconds: graceMs / 1000 }
  return { keyKinds: keyKinds.join(' '), ...seconds, isServer, isOpen, mayReplaceKeys }
}

function mapOf(profiles: readonly IssuanceProfile[]): ReadonlyMap<string, IssuanceProfile> {
  return new Map([defaultProfile(), ...profiles].map((one) => [one.name, one]))
}
