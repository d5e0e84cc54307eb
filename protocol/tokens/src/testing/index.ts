/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import {
  TokenError,
  formatConnectionString,
  formatMachineToken,
  isMachineToken,
  MACHINE_TOKEN_PATTERN,
  parseConnectionString,
  parseSasToken,
  resourceOf,
} from '../index.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}

function unlessRefused(run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
  }
}

const SIGNATURE = '%2BBm%2bBm%2bBm%2bBm%2bBm%2bBm%2bBm%2bBm%2bBm%2bA%3D'

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'sas-token',
    seeds: [
      `SharedAccessSignature sr=hub.example%2Fdevices%2Fa&sig=${SIGNATURE}&se=1900000000`,
      `SharedAccessSignature sr=0ne/registrations/a&sig=${SIGNATURE}&skn=registration&se=1900000000.5`,
    ].map((text) => Buffer.from(text)),
    run(bytes) {
      unlessRefused(() => {
        const token = parseSasToken(textOf(bytes))
        if (token.signature.length !== 32) throw new Error('a parsed signature has 32 bytes')
        new Date(token.expires).toISOString()
        resourceOf(token.resource)
      })
    },
  },
  {
    name: 'connection-string',
    seeds: [
      'HostName=hub.example;DeviceId=a;SharedAccessKey=AAAAAAAAAAAAAAAAAAAAAA==',
      'Endpoint=sb://hub.example/;SharedAccessKeyName=iothubowner;SharedAccessKey=AAAAAAAAAAAAAAAAAAAAAA==;EntityPath=x',
    ].map((text) => Buffer.from(text)),
    run(bytes) {
      unlessRefused(() => {
        const connection = parseConnectionString(textOf(bytes))
        const again = parseConnectionString(formatConnectionString(connection))
        if (JSON.stringify(again) !== JSON.stringify(connection)) throw new Error('what was parsed formats to itself')
      })
    },
  },
  {
    name: 'machine-token',
    seeds: [formatMachineToken(new Uint8Array(32)), `hft_${'0'.repeat(49)}`].map((text) => Buffer.from(text)),
    run(bytes) {
      const text = textOf(bytes)
      if (isMachineToken(text) && !new RegExp(`^${MACHINE_TOKEN_PATTERN}$`).test(text)) {
        throw new Error('a token is what scanners look for')
      }
      const made = formatMachineToken(Uint8Array.from({ length: 32 }, (_, at) => bytes[at] ?? 0))
      if (!isMachineToken(made)) throw new Error('what was made is a token')
    },
  },
]
