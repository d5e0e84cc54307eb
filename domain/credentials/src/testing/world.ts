/** A hub's authority, registry and certificates in memory, with the authenticator that asks them. */

import type { SecurityEvent } from '@holdfast/audit'
import {
  Authenticator,
  Authorities,
  type Cut,
  type Decision,
  type IdentityKey,
  Policies,
  Registry,
} from '@holdfast/identity'
import {
  countingRandom,
  ManualClock,
  MemoryAuthorityStore,
  MemoryIdentityStore,
  MemoryPolicyStore,
  recordedEvents,
} from '@holdfast/identity/testing'
import {
  certificateFacts,
  createCertificationRequest,
  ISSUING_AUTHORITY,
  ROOT_AUTHORITY,
  type Signer,
} from '@holdfast/pki'
import { createMemorySigner, issue } from '@holdfast/pki/testing'
import { CredentialService } from '../credential-service.ts'
import { IdentityFollower } from '../identity-follower.ts'
import { IssuedCertificates } from '../issued-certificates.ts'
import { Profiles } from '../profiles.ts'
import { MemoryIssuedCertificateStore } from './memory-store.ts'

const HOST = 'hub.example'

export type CredentialWorld = Awaited<ReturnType<typeof credentialWorld>>

export async function credentialWorld() {
  const clock = new ManualClock()
  const random = countingRandom()
  const { events, sink } = recordedEvents()
  const store = new MemoryIssuedCertificateStore(sink)
  const now = clock.wall()
  const root = await issue({ profile: ROOT_AUTHORITY, commonName: 'Root', now })
  const issuing = await issue({ profile: ISSUING_AUTHORITY, commonName: 'Issuing', issuer: root, now })
  const issuers = [issuing.certificate]
  const issuer = {
    get issuing() {
      return issuing
    },
    chain: [issuing.certificate, root.certificate],
    issuers,
  }
  const cuts: Cut[] = []
  const faults: unknown[] = []
  const close = async (taken: readonly Cut[]) => {
    cuts.push(...taken)
    return { sessionsClosed: taken.length, milliseconds: 1 }
  }
  const profiles = await Profiles.open({ store, clock })
  const issued: IssuedCertificates = new IssuedCertificates({
    store,
    profiles,
    issuer,
    clock,
    close,
    leaveKeys: async (key, generationId) => {
      if ((await registry.read(key))?.generationId !== generationId) return
      const { cuts: made } = await registry.update(key, { authentication: { kind: 'certificateAuthority' } }, 'hub')
      await close(made)
    },
    fault: (error) => faults.push(error),
  })
  const follower: IdentityFollower = new IdentityFollower({
    issued,
    store,
    identities: { read: (key) => registry.read(key) },
    fault: (error) => faults.push(error),
  })
  const common = { clock, random, events: sink }
  const registry: Registry = new Registry({
    ...common,
    store: new MemoryIdentityStore(sink),
    changed: (change) => follower.changed(change),
  })
  const service = new CredentialService({ ...common, store, issued, profiles, issuer, identities: registry, close })
  const authenticator = new Authenticator({
    ...common,
    registry,
    policies: await Policies.open({ ...common, store: new MemoryPolicyStore(sink), hostNames: [HOST] }),
    authorities: await Authorities.open({ ...common, store: new MemoryAuthorityStore(sink) }),
    issued,
    hostNames: [HOST],
  })

  return {
    clock,
    events: events as readonly SecurityEvent[],
    store,
    issuers,
    root,
    issuing,
    profiles,
    issued,
    follower,
    registry,
    service,
    /** Handed to the sessions. */
    cuts,
    /** Told, for they will be tried again. */
    faults,
    /** A device that proves itself by certificates. */
    device: (deviceId: string) =>
      registry.create({ deviceId, authentication: { kind: 'certificateAuthority' } }, 'operator/test'),
    /** A certificate for a key of its own. */
    async obtain(key: IdentityKey, signer: Signer = createMemorySigner()) {
      const commonName = key.moduleId === undefined ? key.deviceId : `${key.deviceId}/${key.moduleId}`
      const request = await createCertificationRequest({ commonName }, signer)
      return (await service.issue({ key, request, actor: 'test', via: 'est' })).record
    },
    /** A request in the name of `commonName`. */
    request: (commonName: string, signer: Signer = createMemorySigner()) =>
      createCertificationRequest({ commonName }, signer),
    /** What the hub makes of a connection that shows `certificate`; and what follows from it has followed. */
    async show(key: IdentityKey, certificate: Uint8Array): Promise<Decision> {
      const presented = certificateFacts([certificate])
      const decision = await authenticator.authenticate({ key, certificate: presented, address: '192.0.2.1' })
      await issued.inTurn(key, async () => undefined)
      return decision
    },
  }
}
