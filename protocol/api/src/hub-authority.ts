/**
 * The hub's own certificate authority. What carries a passphrase is on the local socket alone.
 *
 *   GET  /api/v1/hub-authority                     HubAuthority
 *   POST /api/v1/hub-authority/root/export         RootExport -> RootBundle
 *   POST /api/v1/hub-authority/root/verify         RootBrought -> Root
 *   POST /api/v1/hub-authority/root/remove         RootBrought -> HubAuthority
 *   POST /api/v1/hub-authority/root/use            RootUse -> HubAuthorityChanged
 *   GET  /api/v1/hub-authority/rollover?days=      RolloverProgress
 *   POST /api/v1/hub-authority/rollover/begin      RolloverBegin -> HubAuthority
 *   POST /api/v1/hub-authority/rollover/switch     RolloverSwitch -> HubAuthority
 *   POST /api/v1/hub-authority/rollover/back       HubAuthority
 *   POST /api/v1/hub-authority/rollover/finish     RolloverFinish -> HubAuthorityChanged
 */

import Type from 'typebox'

const strict = { additionalProperties: false }
/** Base64 of a passphrase. */
const secret = Type.String({ minLength: 1, maxLength: 2_048, pattern: '^[A-Za-z0-9+/]+={0,2}$' })
/** Text of a bundle's file. */
const bundle = Type.String({ minLength: 1, maxLength: 65_536 })
const generation = Type.Integer({ minimum: 1, maximum: 1_000_000 })

export interface Root {
  /** Counts up from one; names the root in every call. */
  generation: number
  subject: string
  sha256: string
  notAfter: string
  /** `machine`: its key lies in the data folder, unprotected from who has that. `passphrase`: there too, sealed. */
  key: 'machine' | 'passphrase' | 'away'
  /** Devices are told to trust it. */
  trusted: boolean
  /** The root before it vouches for it. */
  crossSigned: boolean
}

export interface HubAuthority {
  roots: Root[]
  issuing: {
    sha256: string
    notAfter: string
    /** Where its key is kept: `ring`, or a token. */
    home: string
    /** Where it publishes what is revoked; absent where HTTPS is not served. */
    revocationList?: string
    ocsp?: string
  }
  rollover?: RolloverState
}

/** `old`: the listeners show what they showed before. `crossed`: the new chain, vouched for by the old root. `new`: it alone. */
export type Serving = 'old' | 'crossed' | 'new'

export interface RolloverState {
  /** Of the root to come. */
  generation: number
  begunTime: string
  serving: Serving
  servingSince: string
}

export interface RolloverProgress extends RolloverState {
  /** Devices that were active in the last so many days. */
  days: number
  active: number
  /** Of them, those that have been seen to trust the new root. */
  moved: number
  /** By the strongest that was seen of each. */
  by: { fetched: number; renewed: number; connected: number }
  /** Some of those that have not; at most 100. */
  remaining: string[]
  /** Certificates of devices that still rest on the old root. */
  certificatesBelowOld: number
  /** The new chain is shown, every active device has moved, and none has a certificate below the old root. */
  safeToRetire: boolean
}

export interface HubAuthorityChanged extends HubAuthority {
  sessionsClosed: number
  milliseconds: number
}

export const RootExport = Type.Object({ secret, generation: Type.Optional(generation) }, strict)
export type RootExport = Type.Static<typeof RootExport>

export interface RootBundle {
  generation: number
  sha256: string
  bundle: string
}

export const RootBrought = Type.Object({ bundle, secret }, strict)
export type RootBrought = Type.Static<typeof RootBrought>

export const RootUse = Type.Object(
  {
    /** Both, unless the key is on the hub's machine. */
    bundle: Type.Optional(bundle),
    secret: Type.Optional(secret),
    /** Whether the authorities before the new one are revoked, and everything below them is cut off. */
    revoke: Type.Optional(Type.Boolean()),
  },
  strict,
)
export type RootUse = Type.Static<typeof RootUse>

export const RolloverBegin = Type.Object(
  {
    /** Seals the new root; absent: it is sealed as the first start does it. */
    secret: Type.Optional(secret),
    /** The old root, to have it vouch for the new one where its key is not on the hub's machine. */
    old: Type.Optional(RootBrought),
  },
  strict,
)
export type RolloverBegin = Type.Static<typeof RolloverBegin>

export const RolloverSwitch = Type.Object({ serving: Type.Enum(['crossed', 'new']) }, strict)
export type RolloverSwitch = Type.Static<typeof RolloverSwitch>

export const RolloverFinish = Type.Object(
  {
    /** Also when not every active device is known to have moved. */
    force: Type.Optional(Type.Boolean()),
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
  },
  strict,
)
export type RolloverFinish = Type.Static<typeof RolloverFinish>
