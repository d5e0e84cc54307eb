/** `holdfast attestation …`: measured boot: how devices stand, what is asked of them, what a good boot measures. */

import { basename } from 'node:path'
import { readFileSync } from 'node:fs'
import type { AttestationApi } from '@holdfast/api'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { readText } from '../address.ts'
import { group, leaf, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'

export function addAttestation(program: Command, world: World): void {
  const attestation = group(
    program,
    'attestation',
    'measured boot: how devices stand, what is asked of them, and what a good boot measures',
    'holdfast attestation show gateway-7',
  )
  addStandings(attestation, world)
  addRequirements(attestation, world)
  addSigners(attestation, world)
  addReferences(attestation, world)
}

function addStandings(attestation: Command, world: World): void {
  leaf<[], object>(attestation, world, {
    usage: 'list',
    summary: 'list the devices that have an attestation key, and how they stand',
    example: 'holdfast attestation list',
    async run({ hub, print }) {
      await print.table(
        hub.attestation.list.pages(),
        [
          ['DEVICE', (it) => it.deviceId],
          ['STATE', (it) => it.state],
          ['SINCE', (it) => it.at ?? ''],
          ['UNTIL', (it) => it.until ?? ''],
          ['VALUES', (it) => it.reference ?? ''],
          ['REASON', (it) => it.reason ?? ''],
        ],
        'no device has an attestation key yet',
      )
    },
  })

  leaf<[string], object>(attestation, world, {
    usage: 'show <device>',
    summary: 'show how a device stands, and what speaks against its boot, event by event',
    example: 'holdfast attestation show gateway-7',
    async run({ hub, print }, _options, device) {
      const found = await hub.attestation.show({ path: { id: device } })
      await print.result(found, describe(found))
    },
  })

  leaf<[string], object>(attestation, world, {
    usage: 'forget <device>',
    summary: 'forget the keys, counts and verdict of a device, so that it may come with another TPM',
    example: 'holdfast attestation forget gateway-7',
    async run({ hub, print }, _options, device) {
      await hub.attestation.forget({ path: { id: device } })
      await print.result({ deviceId: device }, [`forgot how ${device} attested; it has to show its keys anew`])
    },
  })
}

interface RequireOptions {
  readonly all?: boolean
  readonly pcrs?: { readonly bank: 'sha256' | 'sha384' | 'sha512'; readonly pcrs: readonly number[] }
  readonly maxAge?: number
  readonly onFailure?: 'remediation' | 'observe'
  readonly optional?: boolean
  readonly endorsementCertificate?: boolean
  readonly off?: boolean
}

function addRequirements(attestation: Command, world: World): void {
  leaf<[string | undefined], RequireOptions>(attestation, world, {
    usage: 'require [device]',
    summary: 'say what is asked of the boot of a device, or of every device that has no policy of its own or its model',
    example: 'holdfast attestation require --all --pcrs sha256:0,1,2,3,4,5,6,7 --max-age 1h',
    options: [
      new Option('--all', 'every device without a policy of its own or of its model'),
      new Option('--pcrs <bank:list>', 'what a quote is over (default sha256:0,1,2,3,4,5,6,7)').argParser(parsePcrs),
      new Option('--max-age <time>', 'how long a good quote counts, e.g. 90s, 15m, 1h, 7d (default 1h)').argParser(
        parseDuration,
      ),
      new Option('--on-failure <what>', 'what a failed or stale quote does (default remediation)').choices([
        'remediation',
        'observe',
      ]),
      new Option('--optional', 'a device that has never attested is not narrowed'),
      new Option('--endorsement-certificate', 'a manufacturer that is trusted must vouch for the TPM'),
      new Option('--off', 'ask for nothing any more'),
    ],
    async run({ hub, print }, options, device) {
      if ((device === undefined) === (options.all !== true)) throw wrongUse('name one device, or give --all')
      const whom = device ?? 'every device without another policy'
      if (options.off === true) {
        if (device === undefined) await hub.attestation.clearPolicy()
        else await hub.attestation.clearDevicePolicy({ path: { id: device } })
        await print.result({ deviceId: device ?? null, policy: null }, [`nothing is asked of the boot of ${whom}`])
        return
      }
      const body: AttestationApi.PolicyDraft = {
        ...(options.pcrs === undefined ? {} : { bank: options.pcrs.bank, pcrs: [...options.pcrs.pcrs] }),
        ...(options.maxAge === undefined ? {} : { maxAgeMs: options.maxAge }),
        ...(options.onFailure === undefined ? {} : { onFailure: options.onFailure }),
        ...(options.optional === true ? { required: false } : {}),
        ...(options.endorsementCertificate === true ? { endorsementCertificate: true } : {}),
      }
      const policy =
        device === undefined
          ? await hub.attestation.setPolicy({ body })
          : await hub.attestation.setDevicePolicy({ path: { id: device }, body })
      await print.result(policy, [`of ${whom}: ${policyText(policy)}`])
    },
  })
}

function addSigners(attestation: Command, world: World): void {
  const signers = group(
    attestation,
    'signers',
    'keys that may sign reference values',
    'holdfast attestation signers add release release.pub',
  )
  leaf<[], object>(signers, world, {
    usage: 'list',
    summary: 'list the keys',
    example: 'holdfast attestation signers list',
    async run({ hub, print }) {
      await print.table(
        hub.attestationSigner.list.pages(),
        [
          ['SIGNER', (it) => it.name],
          ['ADDED', (it) => it.added],
        ],
        "no signers yet; add one with 'holdfast attestation signers add NAME KEY.pem'",
      )
    },
  })
  leaf<[string, string], object>(signers, world, {
    usage: 'add <name> <file>',
    summary: 'trust a public key (PEM; Ed25519 or ECDSA) to say what a good boot is',
    example: 'holdfast attestation signers add release release.pub',
    async run({ hub, print }, _options, name, file) {
      const publicKey = readText(file)
      const added = await hub.attestationSigner.add({ body: { name, publicKey } })
      await print.result(added, [`${added.name} may sign reference values`])
    },
  })
  leaf<[string], object>(signers, world, {
    usage: 'remove <name>',
    summary: 'trust a key no more; what it signed goes with it, and with that the trust in whoever rests on it',
    example: 'holdfast attestation signers remove release',
    async run({ hub, print }, _options, name) {
      await hub.attestationSigner.remove({ path: { name } })
      await print.result({ name }, [`${name} is trusted no more, and its reference values are gone`])
    },
  })
}

function addReferences(attestation: Command, world: World): void {
  const references = group(
    attestation,
    'references',
    'signed reference values: what a good boot measures',
    'holdfast attestation references add gateway-2.4.json',
  )
  leaf<[], object>(references, world, {
    usage: 'list',
    summary: 'list the documents',
    example: 'holdfast attestation references list',
    async run({ hub, print }) {
      await print.table(
        hub.reference.list.pages(),
        [
          ['VALUES', (it) => it.name],
          ['SERIAL', (it) => String(it.serial)],
          ['SIGNER', (it) => it.signer],
          ['PCRS', (it) => it.pcrs.join(',')],
          ['EVENTS', (it) => String(it.events)],
          ['DENIED', (it) => String(it.denied)],
          ['MODELS', (it) => it.models?.join(',') ?? 'all'],
          ['STATE', (it) => (it.inForce ? 'in force' : 'ended')],
        ],
        "no reference values yet; add some with 'holdfast attestation references add FILE'",
      )
    },
  })
  leaf<[string], { readonly signature?: string }>(references, world, {
    usage: 'add <file>',
    summary: 'add a document of reference values, signed by a key that is trusted for it',
    example: 'holdfast attestation references add gateway-2.4.json --signature gateway-2.4.json.sig',
    notes: [
      'Sign the file as it is:',
      '  openssl pkeyutl -sign -rawin -inkey release.key -in FILE -out FILE.sig     (Ed25519)',
      '  openssl dgst -sha256 -sign release.key -out FILE.sig FILE                  (ECDSA)',
    ].join('\n'),
    options: [new Option('--signature <file>', 'its signature (default: FILE.sig)')],
    async run({ hub, print }, options, file) {
      const document = readText(file)
      const signature = readBytes(options.signature ?? `${file}.sig`).toString('base64')
      const added = await hub.reference.add({
        body: {
          document,
          signature,
        },
      })
      await print.result(added, [
        `${basename(file)}: ${added.name} ${added.serial}, signed by ${added.signer}; PCRs ${added.pcrs.join(', ')}`,
      ])
    },
  })
  leaf<[string], object>(references, world, {
    usage: 'remove <name>',
    summary: 'remove a document; devices that rest on it have to attest anew',
    example: 'holdfast attestation references remove gateway-firmware',
    async run({ hub, print }, _options, name) {
      await hub.reference.remove({ path: { name } })
      await print.result({ name }, [`reference values ${name} are gone; who rested on them is not trusted any more`])
    },
  })
}

function describe(found: AttestationApi.Attestation): readonly string[] {
  const { tpm, policy, reference, reasons = [], reasonsOmitted = 0 } = found
  return [
    `device    ${found.deviceId}`,
    `state     ${found.state}${found.reason === undefined ? '' : ` (${found.reason})`}`,
    ...(found.at === undefined ? [] : [`judged    ${found.at}`]),
    ...(found.until === undefined ? [] : [`until     ${found.until}`]),
    `policy    ${policy === undefined ? 'none' : `${policyText(policy)} (of the ${found.policySource ?? 'hub'})`}`,
    ...(reference === undefined ? [] : [`values    ${reference.name} ${reference.serial}`]),
    ...(tpm === undefined
      ? []
      : [
          `TPM       firmware ${tpm.firmwareVersion}, ${tpm.resetCount} resets, ${tpm.restartCount} restarts${tpm.clockSafe ? '' : ', clock not safe'}`,
        ]),
    ...(found.endorsementKey === undefined
      ? []
      : [`EK        ${found.endorsementKey} (${found.manufacturer ?? 'nobody vouches for it'})`]),
    ...(found.attestationKey === undefined
      ? []
      : [`AK        ${found.attestationKey}, certified ${found.certified ?? ''}`]),
    ...reasons.map(reasonText),
    ...(reasonsOmitted === 0 ? [] : [`  and ${reasonsOmitted} more`]),
  ]
}

function reasonText({ code, pcr, event, eventType, expected, found, remark }: AttestationApi.Reason): string {
  const where = [
    ...(pcr === undefined ? [] : [`PCR ${pcr}`]),
    ...(event === undefined ? [] : [`event ${event}`]),
    ...(eventType === undefined ? [] : [eventType]),
    ...(remark === undefined ? [] : [remark]),
  ].join(', ')
  const what = [
    ...(expected === undefined ? [] : [`expected ${expected.join(' or ')}`]),
    ...(found === undefined ? [] : [`found ${found}`]),
  ].join(', ')
  return `  ${code}${where === '' ? '' : ` (${where})`}${what === '' ? '' : `: ${what}`}`
}

function policyText({
  bank,
  pcrs,
  maxAgeMs,
  onFailure,
  required,
  endorsementCertificate,
}: AttestationApi.Policy): string {
  return [
    `${bank}:${pcrs.join(',')} every ${durationText(maxAgeMs)}`,
    `on failure ${onFailure}`,
    ...(required ? [] : ['optional']),
    ...(endorsementCertificate ? ['endorsement certificate'] : []),
  ].join(', ')
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
]

function durationText(milliseconds: number): string {
  for (const [unit, size] of UNITS) if (milliseconds % size === 0) return `${milliseconds / size}${unit}`
  return `${milliseconds} ms`
}

function parseDuration(text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const size = UNITS.find(([name]) => name === unit)?.[1]
  if (count === undefined || size === undefined)
    throw new InvalidArgumentError('It is a time such as 90s, 15m, 1h, 7d.')
  return Number(count) * size
}

function parsePcrs(text: string): NonNullable<RequireOptions['pcrs']> {
  const [, bank, list = ''] = /^(?:(sha256|sha384|sha512):)?(\d{1,2}(?:,\d{1,2})*)$/.exec(text) ?? []
  const pcrs = list.split(',').map(Number)
  if (list === '' || pcrs.some((pcr) => pcr > 23)) {
    throw new InvalidArgumentError('It is a bank and a list, such as sha256:0,2,4,7.')
  }
  return { bank: bank === 'sha384' || bank === 'sha512' ? bank : 'sha256', pcrs }
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new Failure(`cannot read the signature ${file}; name it with --signature`, { code: 'unreadable', cause })
  }
}
