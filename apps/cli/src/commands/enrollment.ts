/** `holdfast enrollment …`: which devices the provisioning service lets in, one by one or by group. */

import { readFileSync } from 'node:fs'
import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'
import type { HubClient } from '../hub-client.ts'

interface CreateOptions {
  readonly group?: boolean
  readonly attestation: 'symmetric-key' | 'x509' | 'tpm'
  readonly certificate?: string
  readonly primaryKey?: string
  readonly secondaryKey?: string
  readonly endorsementKey?: string
  readonly storageRootKey?: string
  readonly endorsementCertificate?: string
  readonly requireEndorsementCertificate?: boolean
  readonly deviceId?: string
  readonly disabled?: boolean
  readonly certificateProfile?: string
}

const groupOption = (): Option => new Option('--group', 'a group enrolment (default: an individual one)')

export function addEnrollment(program: Command, world: World): void {
  const enrollment = group(
    program,
    'enrollment',
    'DPS enrolments: individual and group',
    'holdfast enrollment create line-4 --group',
  )

  leaf<[string], CreateOptions>(enrollment, world, {
    usage: 'create <id>',
    summary: 'let a device (by its registration id), or a group of devices, be provisioned',
    example: 'holdfast enrollment create line-4 --group --attestation x509 --certificate line-4-ca.pem',
    options: [
      groupOption(),
      new Option('--attestation <kind>', 'how devices prove themselves')
        .choices(['symmetric-key', 'x509', 'tpm'])
        .default('symmetric-key'),
      new Option('--certificate <file>', "PEM: the device's own, or the authority that signs the group's"),
      new Option('--primary-key <base64>', 'a key of 16 to 64 bytes (default: a new one)'),
      new Option('--secondary-key <base64>', 'the same for the secondary key'),
      new Option('--endorsement-key <file>', "TPM2B_PUBLIC of the TPM's endorsement key (tpm2_createek -u)"),
      new Option('--storage-root-key <file>', 'TPM2B_PUBLIC of the storage root key it must have (default: any)'),
      new Option('--endorsement-certificate <file>', "PEM or DER: the endorsement key's, and those up to the root"),
      new Option('--require-endorsement-certificate', 'only with a certificate of a trusted manufacturer'),
      new Option('--device-id <id>', 'id to give the device (individual; default: its registration id)'),
      new Option('--disabled', 'refuse for now'),
      new Option('--certificate-profile <name>', 'issue certificates with registrations, by this profile'),
    ],
    async run({ hub, print }, options, id) {
      const { group, attestation, certificate, primaryKey, secondaryKey, deviceId, disabled, certificateProfile } =
        options
      const { endorsementKey, storageRootKey, endorsementCertificate, requireEndorsementCertificate } = options
      if (attestation === 'x509' && certificate === undefined)
        throw wrongUse('--attestation x509 needs --certificate FILE')
      if (attestation !== 'x509' && certificate !== undefined)
        throw wrongUse('--certificate goes with --attestation x509')
      if (attestation !== 'symmetric-key' && (primaryKey ?? secondaryKey) !== undefined) {
        throw wrongUse(`keys do not go with --attestation ${attestation}`)
      }
      const hasTpm = (endorsementKey ?? storageRootKey ?? endorsementCertificate) !== undefined
      if (attestation !== 'tpm' && (hasTpm || requireEndorsementCertificate === true)) {
        throw wrongUse('what is said of a TPM goes with --attestation tpm')
      }
      if (attestation === 'tpm' && endorsementKey === undefined) {
        throw wrongUse('--attestation tpm needs --endorsement-key FILE')
      }
      if (attestation === 'tpm' && group === true) throw wrongUse('--attestation tpm does not go with --group')
      if (group === true && deviceId !== undefined) throw wrongUse('--device-id does not go with --group')
      const body: Api.EnrollmentCreate = {
        id,
        attestation,
        ...(certificate !== undefined && { certificate: readText(certificate) }),
        ...(primaryKey !== undefined && { primaryKey }),
        ...(secondaryKey !== undefined && { secondaryKey }),
        ...(endorsementKey !== undefined && { endorsementKey: base64Of(endorsementKey) }),
        ...(storageRootKey !== undefined && { storageRootKey: base64Of(storageRootKey) }),
        ...(endorsementCertificate !== undefined && { endorsementCertificate: certificatesOf(endorsementCertificate) }),
        ...(requireEndorsementCertificate === true && { requireEndorsementCertificate }),
        ...(deviceId !== undefined && { deviceId }),
        ...(disabled === true && { disabled }),
        ...(certificateProfile !== undefined && { certificateProfile }),
      }
      const created = await enrolments(hub, group).create({ body })
      const lines = [`created ${created.scope} enrolment ${created.id} (${created.attestation}, ${created.status})`]
      if (created.scope === 'group' && created.attestation === 'symmetric-key') {
        lines.push(
          `next: holdfast enrollment derived-key ${created.id} REGISTRATION-ID, the key of one device of the group`,
        )
      }
      await print.result(created, lines)
    },
  })

  leaf<[], { readonly group?: boolean; readonly individual?: boolean }>(enrollment, world, {
    usage: 'list',
    summary: 'list the enrolments',
    example: 'holdfast enrollment list',
    options: [new Option('--group', 'groups only'), new Option('--individual', 'individual ones only')],
    async run({ hub, print }, { group, individual }) {
      const both = group === individual
      await print.table(
        pagesOf([
          ...(both || individual === true ? [hub.enrollment] : []),
          ...(both || group === true ? [hub.enrollmentGroup] : []),
        ]),
        [
          ['ENROLMENT', (it) => it.id],
          ['SCOPE', (it) => it.scope],
          ['ATTESTATION', (it) => it.attestation],
          ['STATUS', (it) => it.status],
          ['DEVICE', (it) => it.deviceId],
        ],
        "no enrolments yet; create one with 'holdfast enrollment create ID'",
      )
    },
  })

  leaf<[string], { readonly group?: boolean }>(enrollment, world, {
    usage: 'show <id>',
    summary: 'show one enrolment',
    example: 'holdfast enrollment show line-4 --group',
    options: [groupOption()],
    async run({ hub, print }, { group }, id) {
      const found = await enrolments(hub, group).show({ path: { enrollment: id } })
      await print.result(found, [
        `enrolment    ${found.id} (${found.scope})`,
        `attestation  ${found.attestation}`,
        `status       ${found.status}`,
        ...(found.deviceId === undefined ? [] : [`device       ${found.deviceId}`]),
        `created      ${found.createdTime}`,
      ])
    },
  })

  leaf<[string, string], object>(enrollment, world, {
    usage: 'derived-key <group> <registration-id>',
    summary: 'print the key of one device of a symmetric-key group',
    example: 'holdfast enrollment derived-key line-4 press-17',
    async run({ hub, print }, _options, group, registrationId) {
      const found = await hub.enrollmentGroup.derivedKey({ path: { enrollment: group, registration: registrationId } })
      await print.result(found, [found.key])
    },
  })

  leaf<[string], { readonly group?: boolean }>(enrollment, world, {
    usage: 'delete <id>',
    summary: 'delete an enrolment; devices already provisioned stay',
    example: 'holdfast enrollment delete line-4 --group',
    options: [groupOption()],
    async run({ hub, print }, { group }, id) {
      await enrolments(hub, group).delete({ path: { enrollment: id } })
      await print.result({ id, deleted: true }, [`enrolment ${id} is deleted; devices it provisioned stay as they are`])
    },
  })
}

function enrolments(hub: HubClient, isGroup: boolean | undefined): Collection {
  return isGroup === true ? hub.enrollmentGroup : hub.enrollment
}

type Collection = HubClient['enrollment'] | HubClient['enrollmentGroup']

async function* pagesOf(collections: readonly Collection[]): AsyncGenerator<readonly Api.Enrollment[]> {
  for (const { list } of collections) yield* list.pages()
}

function base64Of(file: string): string {
  return readBytes(file).toString('base64')
}

/** PEM as it stands; DER, as TPMs keep it, as base64. */
function certificatesOf(file: string): string {
  const bytes = readBytes(file)
  return bytes[0] === 0x30 ? bytes.toString('base64') : bytes.toString('latin1')
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch {
    throw wrongUse(`cannot read '${file}'`)
  }
}
