/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { ConnectionPolicyError, effectivePolicy, readConnectionPolicy } from '../connection-policy.ts'
import { breachOf } from '../connection-rules.ts'
import { contains, parseAddress, parseNetwork } from '../network.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

function runPolicy(bytes: Uint8Array): void {
  let document: unknown
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return
  }
  try {
    const policy = readConnectionPolicy(document)
    must(JSON.stringify(readConnectionPolicy(policy)) === JSON.stringify(policy), 'what was read reads to itself')
    const effective = effectivePolicy([policy])
    must(effective.parsedNetworks?.length === policy.networks?.length, 'no network is lost')
    breachOf(effective, { address: '10.1.2.3', transport: 'mqtt', tlsVersion: 'TLSv1.2' })
  } catch (error) {
    if (!(error instanceof ConnectionPolicyError)) throw error
    must(error.faults.length > 0, 'a refusal says why')
  }
}

function runNetwork(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('latin1')
  const network = parseNetwork(text)
  const address = parseAddress(text.split('/')[0] ?? '')
  if (address !== undefined) must(address.length === 4 || address.length === 16, 'an address has 4 or 16 bytes')
  if (network === undefined) return
  must(address !== undefined && contains(network, address), 'a network holds its own address')
  must(network.prefixBits <= network.bytes.length * 8, 'a prefix is no longer than an address')
}

const seeds = (...texts: readonly string[]): readonly Uint8Array[] => texts.map((text) => Buffer.from(text))

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'connection-policy',
    seeds: seeds(
      '{"networks":["10.0.0.0/8","2001:db8::/32"],"transports":["mqtt"],"tlsFloor":"1.3"}',
      '{"duplicates":"refuse-newcomer","whenSuspected":"watch","whenProven":"quarantine","nonce":"required"}',
    ),
    run: runPolicy,
  },
  {
    name: 'network',
    seeds: seeds('10.1.0.0/16', '2001:db8:0:1::/64', '::ffff:10.0.0.0/104', '64:ff9b::1.2.3.4/128'),
    run: runNetwork,
  },
]
