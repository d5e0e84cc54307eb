/**
 * A program of its own, for NODE_EXTRA_CA_CERTS is read when a process starts: each client of the SDKs connects once, and
 * what came of it is written as one JSON object to stdout. Input: one JSON object (`Scenario`) as argument.
 */

import { Message, ProvisioningServiceClient } from './azure-sdk.ts'
import {
  byKey,
  type EnrollmentParts,
  keyAttestation,
  PROVISIONING_TRANSPORTS,
  put,
  register,
} from './provisioning-sdk.ts'
import { clientOf, DEVICE_TRANSPORTS } from './sdk-client.ts'

export interface Scenario {
  readonly idScope: string
  readonly deviceString: string
  readonly serviceString: string
  readonly registrationId: string
  readonly registrationKey: string
  /** Path and text of the root, for clients that take it as an option. */
  readonly caFile: string
  readonly ca: string
}

/** 'ok', or what the client says went wrong, by the name of the client. */
export type Outcomes = Record<string, string>

async function outcomeOf(what: () => Promise<unknown>): Promise<string> {
  try {
    await what()
    return 'ok'
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
}

export async function tryAll(scenario: Scenario): Promise<Outcomes> {
  const outcomes: Outcomes = {}
  for (const transport of DEVICE_TRANSPORTS) {
    for (const [how, ca] of [
      ['device', undefined],
      ['device with ca as text', scenario.ca],
      ['device with ca as path', scenario.caFile],
    ] as const) {
      outcomes[`${how} ${transport.name}`] = await outcomeOf(async () => {
        const client = clientOf(scenario.deviceString, transport)
        if (ca !== undefined) await client.setOptions({ ca })
        await client.open()
        await client.sendEvent(new Message('trusted'))
        await client.close()
      })
    }
  }
  await Promise.all(
    PROVISIONING_TRANSPORTS.map(async (transport) => {
      const security = byKey(scenario.registrationId, scenario.registrationKey)
      outcomes[`provisioning ${transport.name}`] = await outcomeOf(() =>
        register(transport, security, { idScope: scenario.idScope }),
      )
    }),
  )
  const enrollment: EnrollmentParts = { registrationId: 'r58-more', attestation: keyAttestation('') }
  outcomes['provisioning service https'] = await outcomeOf(() =>
    put(ProvisioningServiceClient.fromConnectionString(scenario.serviceString), enrollment),
  )
  return outcomes
}

if (import.meta.main) {
  const scenario = JSON.parse(process.argv[2] ?? '') as Scenario
  process.stdout.write(`${JSON.stringify(await tryAll(scenario))}\n`)
  process.exit(0)
}
