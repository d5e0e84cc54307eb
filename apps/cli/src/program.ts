/** The whole command line, as a tree of commands. */

import { Command } from 'commander'
import type { World } from './command.ts'
import { addAccess } from './commands/access.ts'
import { addAccessToken } from './commands/access-token.ts'
import { addApi } from './commands/api.ts'
import { addAttestation } from './commands/attestation.ts'
import { addAudit } from './commands/audit.ts'
import { addAuthority } from './commands/authority.ts'
import { addBackup } from './commands/backup.ts'
import { addCertificate } from './commands/certificate.ts'
import { addClaim } from './commands/claim.ts'
import { addConsumerGroup } from './commands/consumer-group.ts'
import { addCredentials } from './commands/credentials.ts'
import { addDevice } from './commands/device.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEnrollment } from './commands/enrollment.ts'
import { addFiles } from './commands/files.ts'
import { addConnectionPolicy } from './commands/connection-policy.ts'
import { addKeys } from './commands/keys.ts'
import { addMasquerade } from './commands/masquerade.ts'
import { addLogin } from './commands/login.ts'
import { addManifest, addManufacturer, addOwner } from './commands/manifest.ts'
import { addMessages } from './commands/messages.ts'
import { addModel } from './commands/model.ts'
import { addModule } from './commands/module.ts'
import { addOperator } from './commands/operator.ts'
import { addFleet, addOrganisation, addSite } from './commands/organisation.ts'
import { addPolicy } from './commands/policy.ts'
import { addProposal } from './commands/proposal.ts'
import { addQuarantine } from './commands/quarantine.ts'
import { addQuery } from './commands/query.ts'
import { addRestore } from './commands/restore.ts'
import { addRole } from './commands/role.ts'
import { addSession } from './commands/session.ts'
import { addStatus } from './commands/status.ts'
import { addTpm } from './commands/tpm.ts'
import { addTwin } from './commands/twin.ts'
import { addWorkstation } from './commands/workstation.ts'
import { wrongUse } from './failure.ts'

export function buildProgram(world: World, version: string): Command {
  const program = new Command('holdfast')
    .description('Self-hosted, Azure-IoT-compatible infrastructure for fleets of devices.')
    .version(version)
    .addHelpText(
      'after',
      `
Programs of their own (each with --help):
  up       start the hub                          holdfast up --demo
  fleet    simulate devices over real TLS         holdfast fleet simulate --devices 20
  witness  cosign the audit logs of other hubs    holdfast witness --data ./witness

Every command takes --json, and exits 0 done, 1 refused or failed, 2 wrong use.

Example:
  $ holdfast device create pump-1 && holdfast device connection-string pump-1
`,
    )
  program.enablePositionalOptions()
  program.commandsGroup('The hub at a glance:')
  addStatus(program, world)
  addDoctor(program, world)
  program.commandsGroup('Devices, and what they say:')
  addDevice(program, world)
  addModule(program, world)
  addTwin(program, world)
  addQuery(program, world)
  addMessages(program, world)
  addFiles(program, world)
  addConsumerGroup(program, world)
  program.commandsGroup('Bringing devices in, and handing them on:')
  addEnrollment(program, world)
  addModel(program, world)
  addManufacturer(program, world)
  addManifest(program, world)
  addOwner(program, world)
  addClaim(program, world)
  program.commandsGroup('Whom devices and the hub trust:')
  addAuthority(program, world)
  addCertificate(program, world)
  addCredentials(program, world)
  addAttestation(program, world)
  addTpm(program, world)
  addKeys(program, world)
  addQuarantine(program, world)
  addMasquerade(program, world)
  addConnectionPolicy(program, world)
  program.commandsGroup('People and machines who run it:')
  addLogin(program, world)
  addOperator(program, world)
  addSession(program, world)
  addWorkstation(program, world)
  addProposal(program, world)
  addAccessToken(program, world)
  addPolicy(program, world)
  program.commandsGroup('Who may do what, and where:')
  addOrganisation(program, world)
  addSite(program, world)
  addFleet(program, world)
  addRole(program, world)
  addAccess(program, world)
  program.commandsGroup('Proof, backups, and building on it:')
  addAudit(program, world)
  addBackup(program, world)
  addRestore(program, world)
  addApi(program, world, version)
  for (const name of ['up', 'witness']) {
    program
      .command(name, { hidden: true })
      .allowUnknownOption()
      .argument('[arguments...]')
      .action(() => {
        throw wrongUse(`'${name}' stands first: holdfast ${name} …`)
      })
  }
  quiet(program, world)
  return program
}

/** Failures leave as exceptions, so that each is told once, in one line, by `run`. */
function quiet(command: Command, world: World): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => void world.stdout.write(text),
    writeErr: (text) => void world.stderr.write(text),
    outputError: () => undefined,
  })
  for (const child of command.commands) quiet(child, world)
}
