/** The hub's own certificate authority. What carries a passphrase is on the local socket alone. */

import Type from 'typebox'
import { Changed } from './devices.ts'
import { operation } from './operation.ts'
import { closed, instant, shape } from './shape.ts'

/** Base64 of a passphrase. */
const secret = Type.String({ minLength: 1, maxLength: 2_048, pattern: '^[A-Za-z0-9+/]+={0,2}$' })
/** Text of a bundle's file. */
const bundle = Type.String({ minLength: 1, maxLength: 65_536 })
const generation = Type.Integer({ minimum: 1, maximum: 1_000_000 })

export const Root = shape('Root', {
  /** Counts up from one; names the root in every call. */
  generation: Type.Integer(),
  subject: Type.String(),
  sha256: Type.String(),
  notAfter: instant,
  /** `machine`: its key lies in the data folder, unprotected from who has that. `passphrase`: there too, sealed. */
  key: Type.Enum(['machine', 'passphrase', 'away']),
  /** Devices are told to trust it. */
  trusted: Type.Boolean(),
  /** The root before it vouches for it. */
  crossSigned: Type.Boolean(),
})
export type Root = Type.Static<typeof Root>

/** `old`: the listeners show what they showed before. `crossed`: the new chain, vouched for by the old root. `new`: it alone. */
export const Serving = Type.Enum(['old', 'crossed', 'new'])
export type Serving = Type.Static<typeof Serving>

export const RolloverState = shape('RolloverState', {
  /** Of the root to come. */
  generation: Type.Integer(),
  begunTime: instant,
  serving: Serving,
  servingSince: instant,
})
export type RolloverState = Type.Static<typeof RolloverState>

export const HubAuthority = shape('HubAuthority', {
  roots: Type.Array(Root),
  issuing: closed({
    sha256: Type.String(),
    notAfter: instant,
    /** Where its key is kept: `ring`, or a token. */
    home: Type.String(),
    /** Where it publishes what is revoked; absent where HTTPS is not served. */
    revocationList: Type.Optional(Type.String()),
    ocsp: Type.Optional(Type.String()),
  }),
  rollover: Type.Optional(RolloverState),
})
export type HubAuthority = Type.Static<typeof HubAuthority>

export const RolloverProgress = shape('RolloverProgress', {
  ...RolloverState.properties,
  /** Devices that were active in the last so many days. */
  days: Type.Integer(),
  active: Type.Integer(),
  /** Of them, those that have been seen to trust the new root. */
  moved: Type.Integer(),
  /** By the strongest that was seen of each. */
  by: closed({ fetched: Type.Integer(), renewed: Type.Integer(), connected: Type.Integer() }),
  /** Some of those that have not; at most 100. */
  remaining: Type.Array(Type.String()),
  /** Certificates of devices that still rest on the old root. */
  certificatesBelowOld: Type.Integer(),
  /** The new chain is shown, every active device has moved, and none has a certificate below the old root. */
  safeToRetire: Type.Boolean(),
})
export type RolloverProgress = Type.Static<typeof RolloverProgress>

export const HubAuthorityChanged = shape('HubAuthorityChanged', {
  ...HubAuthority.properties,
  ...Changed.properties,
})
export type HubAuthorityChanged = Type.Static<typeof HubAuthorityChanged>

export const RootExport = shape('RootExport', { secret, generation: Type.Optional(generation) })
export type RootExport = Type.Static<typeof RootExport>

export const RootBundle = shape('RootBundle', {
  generation: Type.Integer(),
  sha256: Type.String(),
  bundle: Type.String(),
})
export type RootBundle = Type.Static<typeof RootBundle>

export const RootBrought = shape('RootBrought', { bundle, secret })
export type RootBrought = Type.Static<typeof RootBrought>

export const RootUse = shape('RootUse', {
  /** Both, unless the key is on the hub's machine. */
  bundle: Type.Optional(bundle),
  secret: Type.Optional(secret),
  /** Whether the authorities before the new one are revoked, and everything below them is cut off. */
  revoke: Type.Optional(Type.Boolean()),
})
export type RootUse = Type.Static<typeof RootUse>

export const RolloverBegin = shape('RolloverBegin', {
  /** Seals the new root; absent: it is sealed as the first start does it. */
  secret: Type.Optional(secret),
  /** The old root, to have it vouch for the new one where its key is not on the hub's machine. */
  old: Type.Optional(RootBrought),
})
export type RolloverBegin = Type.Static<typeof RolloverBegin>

export const RolloverSwitch = shape('RolloverSwitch', { serving: Type.Enum(['crossed', 'new']) })
export type RolloverSwitch = Type.Static<typeof RolloverSwitch>

export const RolloverFinish = shape('RolloverFinish', {
  /** Also when not every active device is known to have moved. */
  force: Type.Optional(Type.Boolean()),
  days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
})
export type RolloverFinish = Type.Static<typeof RolloverFinish>

export const hubAuthorityOperations = {
  show: operation({
    id: 'hubAuthority.show',
    method: 'GET',
    path: '/api/v1/hub-authority',
    summary: "Shows the hub's own certificate authority",
    action: 'hub-authority:read',
    on: 'hub',
    answer: { kind: 'json', schema: HubAuthority },
  }),
  exportRoot: operation({
    id: 'hubAuthority.exportRoot',
    method: 'POST',
    path: '/api/v1/hub-authority/root/export',
    summary: "Seals the root's key with a passphrase and gives it out",
    action: 'hub-authority:write',
    on: 'hub',
    body: RootExport,
    isLocalOnly: true,
    disclosesSecret: true,
    answer: { kind: 'json', schema: RootBundle },
  }),
  verifyRoot: operation({
    id: 'hubAuthority.verifyRoot',
    method: 'POST',
    path: '/api/v1/hub-authority/root/verify',
    summary: 'Checks that a bundle opens and holds the root',
    action: 'hub-authority:write',
    on: 'hub',
    body: RootBrought,
    isLocalOnly: true,
    answer: { kind: 'json', schema: Root },
  }),
  removeRoot: operation({
    id: 'hubAuthority.removeRoot',
    method: 'POST',
    path: '/api/v1/hub-authority/root/remove',
    summary: "Destroys the root's key on the hub's machine, once a bundle was seen to hold it",
    action: 'hub-authority:write',
    on: 'hub',
    body: RootBrought,
    isLocalOnly: true,
    answer: { kind: 'json', schema: HubAuthority },
  }),
  useRoot: operation({
    id: 'hubAuthority.useRoot',
    method: 'POST',
    path: '/api/v1/hub-authority/root/use',
    summary: 'Makes a new issuing authority with the root',
    action: 'hub-authority:write',
    on: 'hub',
    body: RootUse,
    isLocalOnly: true,
    answer: { kind: 'json', schema: HubAuthorityChanged },
  }),
  progress: operation({
    id: 'hubAuthority.progress',
    method: 'GET',
    path: '/api/v1/hub-authority/rollover',
    summary: 'Shows how far the roll-over to another root is',
    action: 'hub-authority:read',
    on: 'hub',
    query: closed({ days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })) }),
    answer: { kind: 'json', schema: RolloverProgress },
  }),
  beginRollover: operation({
    id: 'hubAuthority.beginRollover',
    method: 'POST',
    path: '/api/v1/hub-authority/rollover/begin',
    summary: 'Begins the roll-over to another root',
    action: 'hub-authority:write',
    on: 'hub',
    body: RolloverBegin,
    isLocalOnly: true,
    answer: { kind: 'json', schema: HubAuthority },
  }),
  switchRollover: operation({
    id: 'hubAuthority.switchRollover',
    method: 'POST',
    path: '/api/v1/hub-authority/rollover/switch',
    summary: 'Switches the listeners to the new chain',
    action: 'hub-authority:write',
    on: 'hub',
    body: RolloverSwitch,
    answer: { kind: 'json', schema: HubAuthority },
  }),
  undoRollover: operation({
    id: 'hubAuthority.undoRollover',
    method: 'POST',
    path: '/api/v1/hub-authority/rollover/back',
    summary: 'Takes back a roll-over that is not finished',
    action: 'hub-authority:write',
    on: 'hub',
    answer: { kind: 'json', schema: HubAuthority },
  }),
  finishRollover: operation({
    id: 'hubAuthority.finishRollover',
    method: 'POST',
    path: '/api/v1/hub-authority/rollover/finish',
    summary: 'Retires the old root',
    action: 'hub-authority:write',
    on: 'hub',
    body: RolloverFinish,
    answer: { kind: 'json', schema: HubAuthorityChanged },
  }),
}
