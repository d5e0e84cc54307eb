/**
 * How devices may connect: from which networks, by which transports, with which TLS, whether beside themselves, and what
 * follows when copies show. A policy stands for the hub, a model, or one device; each member is taken from the nearest
 * that says it.
 */

import { NETWORKS_MAX } from './limits.ts'
import { type Network, parseNetwork } from './network.ts'

export const TRANSPORTS = ['mqtt', 'mqtt-ws', 'https'] as const
export type Transport = (typeof TRANSPORTS)[number]

export const TLS_FLOORS = ['1.2', '1.3'] as const
export type TlsFloor = (typeof TLS_FLOORS)[number]

/** Who stays when an identity connects while it is connected. */
export const DUPLICATES = ['take-over', 'refuse-newcomer'] as const
export type Duplicates = (typeof DUPLICATES)[number]

/**
 * What is done about an identity that seems to be used by two, beside telling it: nothing; who is connected stays and
 * who comes is refused; both are in the lane `remediation` until an operator lets them out.
 */
export const RESPONSES = ['watch', 'refuse-newcomer', 'quarantine'] as const
export type Response = (typeof RESPONSES)[number]

/** `offered`: to devices that ask for it. `required`: who does not answer stays in the lane `remediation`. */
export const NONCE_RULES = ['off', 'offered', 'required'] as const
export type NonceRule = (typeof NONCE_RULES)[number]

/** Made by `readConnectionPolicy`, which has checked it. What is absent is said by whoever stands farther. */
export interface ConnectionPolicy {
  /** In CIDR notation, at least one. */
  readonly networks?: readonly string[]
  /** At least one. */
  readonly transports?: readonly Transport[]
  readonly tlsFloor?: TlsFloor
  readonly duplicates?: Duplicates
  /** When facts make a copy likely. */
  readonly whenSuspected?: Response
  /** When facts prove it. */
  readonly whenProven?: Response
  readonly nonce?: NonceRule
}

/** A policy with nothing left open. */
export interface EffectivePolicy extends Required<Omit<ConnectionPolicy, 'networks' | 'transports'>> {
  /** Absent: any. */
  readonly networks?: readonly string[]
  readonly parsedNetworks?: readonly Network[]
  readonly transports: readonly Transport[]
}

/**
 * What holds where nobody says otherwise: as MQTT and IoT Hub have it. Likely copies are watched, for what makes them
 * likely can happen to one honest device (roaming, an update, a broken client), and a quarantine stops its data. What is
 * proven cannot, and is stopped: who of the two is the thief is not known, so both are.
 */
export const DEFAULT_POLICY: EffectivePolicy = {
  transports: TRANSPORTS,
  tlsFloor: '1.2',
  duplicates: 'take-over',
  whenSuspected: 'watch',
  whenProven: 'quarantine',
  nonce: 'offered',
}

/** What a document of a policy is refused for; each fault with its JSON pointer. */
export class ConnectionPolicyError extends Error {
  override readonly name = 'ConnectionPolicyError'
  readonly faults: readonly { readonly path: string; readonly message: string }[]

  constructor(faults: readonly { readonly path: string; readonly message: string }[]) {
    super(faults.map(({ path, message }) => `${path === '' ? 'the policy' : path} ${message}`).join('; '))
    this.faults = faults
  }
}

const CHOICES = {
  tlsFloor: TLS_FLOORS,
  duplicates: DUPLICATES,
  whenSuspected: RESPONSES,
  whenProven: RESPONSES,
  nonce: NONCE_RULES,
} as const satisfies Partial<Record<keyof ConnectionPolicy, readonly string[]>>

/**
 * Strict: unknown members and empty lists are refused, for a policy that says less than its writer meant lets in.
 * @throws ConnectionPolicyError with every fault.
 */
export function readConnectionPolicy(document: unknown): ConnectionPolicy {
  const faults: { readonly path: string; readonly message: string }[] = []
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new ConnectionPolicyError([{ path: '', message: 'is not a JSON object' }])
  }
  const policy: { -readonly [K in keyof ConnectionPolicy]: ConnectionPolicy[K] } = {}
  for (const [name, value] of Object.entries(document)) {
    if (name === 'networks') policy.networks = networksFrom(value, faults)
    else if (name === 'transports') policy.transports = transportsFrom(value, faults)
    else if (isChoice(name)) {
      const choices: readonly string[] = CHOICES[name]
      const choice = choices.find((one) => one === value)
      if (choice === undefined) faults.push({ path: `/${name}`, message: `is one of ${choices.join(', ')}` })
      Object.assign(policy, { [name]: choice })
    } else faults.push({ path: `/${pointer(name)}`, message: 'is not known' })
  }
  if (faults.length > 0) throw new ConnectionPolicyError(faults)
  return policy
}

/** @param policies the nearest first. */
export function effectivePolicy(policies: readonly (ConnectionPolicy | undefined)[]): EffectivePolicy {
  const merged: EffectivePolicy = Object.assign({}, DEFAULT_POLICY, ...policies.toReversed())
  return merged.networks === undefined ? merged : { ...merged, parsedNetworks: parsedNetworks(merged.networks) }
}

/** Each list is parsed once, and not with every connection. */
const parsed = new WeakMap<readonly string[], readonly Network[]>()

function parsedNetworks(texts: readonly string[]): readonly Network[] {
  const known = parsed.get(texts)
  if (known !== undefined) return known
  const networks = texts.map(parseNetwork).filter((one) => one !== undefined)
  parsed.set(texts, networks)
  return networks
}

type Faults = { readonly path: string; readonly message: string }[]

function isChoice(name: string): name is keyof typeof CHOICES {
  return Object.hasOwn(CHOICES, name)
}

function networksFrom(value: unknown, faults: Faults): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > NETWORKS_MAX) {
    faults.push({ path: '/networks', message: `is a list of 1 to ${NETWORKS_MAX} networks` })
    return []
  }
  const networks: string[] = []
  for (const [at, one] of value.entries()) {
    if (typeof one === 'string' && parseNetwork(one) !== undefined) networks.push(one)
    else {
      const message = 'is no network such as 10.1.0.0/16 or 2001:db8::/48, all bits behind the prefix zero'
      faults.push({ path: `/networks/${at}`, message })
    }
  }
  return networks
}

function transportsFrom(value: unknown, faults: Faults): readonly Transport[] {
  const transports = Array.isArray(value) ? TRANSPORTS.filter((one) => value.includes(one)) : []
  if (!Array.isArray(value) || transports.length === 0 || transports.length !== value.length) {
    faults.push({ path: '/transports', message: `is a list of some of ${TRANSPORTS.join(', ')}, each once` })
  }
  return transports
}

/** A name from a peer, short and escaped as RFC 6901 §3 asks. */
function pointer(name: string): string {
  return name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')
}
