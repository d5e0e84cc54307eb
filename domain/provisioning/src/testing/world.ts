/** A provisioning service with everything around it in memory. */

import { FailureThrottle, Registry } from '@holdfast/identity'
import type { Cut } from '@holdfast/identity'
import {
  ManualClock,
  MemoryIdentityStore,
  MemoryKeyUseStore,
  countingRandom,
  recordedEvents,
} from '@holdfast/identity/testing'
import type { Endorsement } from '@holdfast/attestation'
import type { SecurityEvent } from '@holdfast/audit'
import { testSeedSource } from '@holdfast/tpm/testing'
import { certificateFacts } from '@holdfast/pki'
import type { Issued } from '@holdfast/pki/testing'
import { type EnrollmentOutput, type EnrollmentScope, readEnrollment } from '@holdfast/dps'
import { formatSasToken } from '@holdfast/tokens'
import type { Credentials, PresentedCertificate } from '../claim.ts'
import { pkiRules } from '../pki-rules.ts'
import { Provisioning } from '../provisioning.ts'
import { registryDirectory } from '../registry-directory.ts'
import { MemoryProvisioningStore } from './store.ts'

export interface TestWorld {
  readonly provisioning: Provisioning
  readonly store: MemoryProvisioningStore
  readonly identityStore: MemoryIdentityStore
  readonly registry: Registry
  readonly clock: ManualClock
  readonly events: readonly SecurityEvent[]
  /** Cuts handed to the sessions. */
  readonly cuts: readonly Cut[]
  /** Writes an enrolment as the service API does. */
  enroll(scope: EnrollmentScope, document: object): Promise<EnrollmentOutput>
  /** Credentials by a token of the form every SDK makes. */
  token(registrationId: string, key: string, more?: Partial<TokenParts>): Credentials
}

export interface TestWorldOptions {
  readonly requireEndorsementCertificate?: boolean
  /** What is said of every endorsement key; nobody vouches for it unless told. */
  readonly vouch?: Endorsement
}

export interface TokenParts {
  readonly idScope: string
  /** From now. */
  readonly expiresInMs: number
  readonly policyName: string
  readonly address: string
}

/** Id scope `0ne00test`, hub `hub.example`. */
export function testWorld(options: TestWorldOptions = {}): TestWorld {
  const clock = new ManualClock()
  const random = countingRandom()
  const { events, sink } = recordedEvents()
  const identityStore = new MemoryIdentityStore(sink)
  const store = new MemoryProvisioningStore(sink)
  const registry = new Registry({ store: identityStore, clock, random, events: sink })
  const cuts: Cut[] = []
  const provisioning = new Provisioning({
    tpm: {
      seeds: testSeedSource,
      vouch: async () => options.vouch ?? { kind: 'unproven', why: 'nobody is trusted here' },
      requireEndorsementCertificate: options.requireEndorsementCertificate ?? false,
      keyUse: new MemoryKeyUseStore(sink),
    },
    idScope: '0ne00test',
    hostNames: ['hub.example', 'localhost'],
    store,
    devices: registryDirectory(registry, async (made) => cuts.push(...made)),
    certificates: pkiRules(),
    throttle: new FailureThrottle(),
    clock,
    random,
    events: sink,
  })
  return {
    provisioning,
    store,
    identityStore,
    registry,
    clock,
    events,
    cuts,
    async enroll(scope, document) {
      const { enrollment } = await provisioning.enrollments.put(
        readEnrollment(document, { scope }),
        { kind: 'none' },
        'operator/test',
      )
      return enrollment
    },
    token(registrationId, key, more = {}) {
      const resource = `${more.idScope ?? '0ne00test'}/registrations/${registrationId}`
      const expirySeconds = Math.floor((clock.wall() + (more.expiresInMs ?? 3_600_000)) / 1000)
      const token = formatSasToken({ resource, key, expirySeconds, policyName: more.policyName ?? 'registration' })
      return { token, address: more.address ?? '192.0.2.7' }
    },
  }
}

/** What TLS proves of a peer that shows `leaf` and sends the `above` with it. */
export function certificateOf(leaf: Issued, ...above: readonly Issued[]): PresentedCertificate {
  return certificateFacts([leaf, ...above].map((one) => one.certificate.der))
}
