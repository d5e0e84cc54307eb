/** Every operation of `/api/v1`, by theme: the one list from which routes, document and client come. */

import type { Operation } from './operation.ts'
import {
  accessOperations,
  assignmentOperations,
  organisationOperations,
  placementOperations,
  roleOperations,
} from './access.ts'
import { attestationOperations, attestationSignerOperations, referenceOperations } from './attestation.ts'
import { auditOperations } from './audit.ts'
import { authorityOperations } from './authorities.ts'
import { backupOperations } from './backups.ts'
import { calendarOperations } from './calendar.ts'
import { certificateOperations, certificateProfileOperations } from './certificates.ts'
import { commandOperations } from './commands.ts'
import { deviceOperations, moduleOperations } from './devices.ts'
import { enrollmentOperations, enrollmentGroupOperations } from './enrollments.ts'
import { eventOperations } from './events.ts'
import { fileOperations } from './files.ts'
import { sinkOperations } from './forwarding.ts'
import { hubOperations, keyOperations } from './hub.ts'
import { hubAuthorityOperations } from './hub-authority.ts'
import { keyProviderOperations } from './key-provider.ts'
import { lifeOperations, transferOperations } from './lives.ts'
import { quarantineOperations, masqueradeOperations, connectionPolicyOperations } from './masquerade.ts'
import { modelOperations } from './models.ts'
import { operatorOperations, recoveryOperations, sessionOperations, workstationOperations } from './people.ts'
import { policyOperations } from './policies.ts'
import { proposalOperations } from './proposals.ts'
import { queryOperations } from './query.ts'
import { findingOperations, reviewOperations, reviewPlanOperations, viewOperations } from './reviews.ts'
import { revocationListOperations } from './revocation.ts'
import { shredOperations } from './shred.ts'
import { manufacturerOperations, manifestOperations, supplyOperations, ownerOperations } from './supply.ts'
import { messageOperations, consumerGroupOperations } from './telemetry.ts'
import { timelineOperations } from './timeline.ts'
import { tokenOperations } from './tokens.ts'
import { telemetryOperations } from './telemetry-verification.ts'
import { endorsementRootOperations } from './tpm.ts'
import { witnessOperations } from './witness.ts'

export const OPERATIONS = {
  device: deviceOperations,
  module: moduleOperations,
  query: queryOperations,
  proposal: proposalOperations,
  command: commandOperations,
  message: messageOperations,
  consumerGroup: consumerGroupOperations,
  telemetry: telemetryOperations,
  file: fileOperations,
  backup: backupOperations,
  policy: policyOperations,
  enrollment: enrollmentOperations,
  enrollmentGroup: enrollmentGroupOperations,
  audit: auditOperations,
  authority: authorityOperations,
  event: eventOperations,
  hub: hubOperations,
  key: keyOperations,
  keyProvider: keyProviderOperations,
  hubAuthority: hubAuthorityOperations,
  shred: shredOperations,
  endorsementRoot: endorsementRootOperations,
  revocationList: revocationListOperations,
  calendar: calendarOperations,
  certificate: certificateOperations,
  certificateProfile: certificateProfileOperations,
  quarantine: quarantineOperations,
  masquerade: masqueradeOperations,
  connectionPolicy: connectionPolicyOperations,
  attestation: attestationOperations,
  attestationSigner: attestationSignerOperations,
  reference: referenceOperations,
  life: lifeOperations,
  transfer: transferOperations,
  model: modelOperations,
  manufacturer: manufacturerOperations,
  manifest: manifestOperations,
  supply: supplyOperations,
  owner: ownerOperations,
  witness: witnessOperations,
  sink: sinkOperations,
  timeline: timelineOperations,
  view: viewOperations,
  reviewPlan: reviewPlanOperations,
  review: reviewOperations,
  finding: findingOperations,
  session: sessionOperations,
  operator: operatorOperations,
  recovery: recoveryOperations,
  workstation: workstationOperations,
  organisation: organisationOperations,
  placement: placementOperations,
  role: roleOperations,
  assignment: assignmentOperations,
  access: accessOperations,
  token: tokenOperations,
}

export type Operations = typeof OPERATIONS

export const ALL_OPERATIONS: readonly Operation[] = Object.values(OPERATIONS).flatMap((of): readonly Operation[] =>
  Object.values(of),
)
