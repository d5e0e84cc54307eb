/** What a session rests on, and what takes that away. */

import { assertNever } from '@holdfast/base'
import type { IdentityKey } from './identity.ts'
import type { PathLink, RevokedSerials } from './revocation.ts'

export type KeySlot = 'primary' | 'secondary'

/** The credential that let a session in. A session lives no longer than it. */
export type Basis =
  | { readonly kind: 'device-key'; readonly slot: KeySlot }
  | { readonly kind: 'module-key'; readonly slot: KeySlot }
  | { readonly kind: 'policy'; readonly name: string; readonly slot: KeySlot }
  /** Upper-case hex, as registered: SHA-1 or SHA-256 of the certificate. */
  | { readonly kind: 'thumbprint'; readonly thumbprint: string }
  /** A customer's authority; `thumbprint` is the SHA-256 of its certificate, upper-case hex. */
  | {
      readonly kind: 'authority'
      readonly name: string
      readonly thumbprint: string
      /** Every certificate of the path below the authority, leaf first. */
      readonly path: readonly PathLink[]
    }
  /** A certificate that the hub issued; SHA-256 of its DER, upper-case hex. */
  | { readonly kind: 'issued'; readonly sha256: string }

/** A session as a cut sees it: whose it is and what it rests on. */
export interface Standing {
  readonly deviceId: string
  readonly moduleId?: string
  readonly generationId: string
  readonly basis: Basis
}

/**
 * Something taken away, on which live sessions may rest. Whoever makes a change gets its cuts and MUST hand them to
 * the sessions: a change is done when no session rests on what it took.
 */
export type Cut =
  /** The identity is gone or disabled. Of a device, its modules fall with it. `generationId` is the device's or module's. */
  | (IdentityKey & {
      readonly kind: 'identity'
      readonly generationId: string
      readonly reason: 'identity-deleted' | 'identity-disabled'
    })
  /** A slot of the identity has another key now. A device's key may carry sessions of its modules. */
  | (IdentityKey & { readonly kind: 'key'; readonly slot: KeySlot })
  | (IdentityKey & { readonly kind: 'thumbprint'; readonly thumbprint: string })
  /**
   * The identity proves itself in another way now: nothing of its own that was valid before still is. With `keepsIssued`,
   * but for certificates that the hub issued: it has left its keys for one.
   */
  | (IdentityKey & { readonly kind: 'authentication'; readonly keepsIssued?: true })
  | { readonly kind: 'policy'; readonly name: string; readonly slot: KeySlot }
  | { readonly kind: 'authority'; readonly name: string; readonly thumbprint: string }
  /** A CA's list revokes certificates; whatever path one of them stands on is none any more. */
  | { readonly kind: 'revocation'; readonly issuerKey: string; readonly serials: RevokedSerials }
  /** One certificate that the hub issued. */
  | { readonly kind: 'certificate'; readonly sha256: string }

/** Whether `cut` takes away what the session rests on. */
export function cuts(cut: Cut, session: Standing): boolean {
  const { basis } = session
  switch (cut.kind) {
    case 'identity':
      if (cut.deviceId !== session.deviceId) return false
      if (cut.moduleId === undefined) {
        // A module has a generation of its own, so the device's cannot be compared with it.
        return session.moduleId !== undefined || session.generationId === cut.generationId
      }
      return session.moduleId === cut.moduleId && session.generationId === cut.generationId
    case 'key':
      if (cut.deviceId !== session.deviceId) return false
      return cut.moduleId === undefined
        ? basis.kind === 'device-key' && basis.slot === cut.slot
        : basis.kind === 'module-key' && basis.slot === cut.slot && session.moduleId === cut.moduleId
    case 'thumbprint':
      return isOf(cut, session) && basis.kind === 'thumbprint' && basis.thumbprint === cut.thumbprint
    case 'authentication':
      // A device's key may carry its modules; everything else that is its own carries only itself.
      if (basis.kind === 'device-key') return cut.deviceId === session.deviceId && cut.moduleId === undefined
      if (basis.kind === 'issued' && cut.keepsIssued === true) return false
      return isOf(cut, session) && basis.kind !== 'policy'
    case 'policy':
      return basis.kind === 'policy' && basis.name === cut.name && basis.slot === cut.slot
    case 'authority':
      return basis.kind === 'authority' && basis.name === cut.name && basis.thumbprint === cut.thumbprint
    case 'revocation':
      return basis.kind === 'authority' && basis.path.some((link) => isRevoked(link, cut))
    case 'certificate':
      return basis.kind === 'issued' && basis.sha256 === cut.sha256
    default:
      return assertNever(cut)
  }
}

function isRevoked(link: PathLink, cut: { readonly issuerKey: string; readonly serials: RevokedSerials }): boolean {
  return link.issuerKey === cut.issuerKey && cut.serials.has(link.serialNumber)
}

/** The reason with which the sessions of a cut are closed. */
export function closeReasonOf(cut: Cut): 'identity-deleted' | 'identity-disabled' | 'credential-revoked' {
  return cut.kind === 'identity' ? cut.reason : 'credential-revoked'
}

function isOf(cut: IdentityKey, session: Standing): boolean {
  return cut.deviceId === session.deviceId && cut.moduleId === session.moduleId
}
