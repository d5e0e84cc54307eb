/** The hub's own API, `/api/v1` (protocol/api), but for the enrolments, which provisioning serves. */

import { Hono } from 'hono'
import type { Problem } from '../../core/problem.ts'
import type { HttpEnvironment } from '../environment.ts'
import { guard } from '../guard.ts'
import { ACCESS_ROUTES } from './access.ts'
import { ATTESTATION_ROUTES } from './attestation.ts'
import { AUDIT_ROUTES } from './audit.ts'
import { AUTHORITY_ROUTES } from './authorities.ts'
import { BACKUP_ROUTES } from './backups.ts'
import { bindRoutes } from './bind.ts'
import { bindDocuments } from './document.ts'
import { CALENDAR_ROUTES } from './calendar.ts'
import { CERTIFICATE_ROUTES } from './certificates.ts'
import { COMMAND_ROUTES } from './commands.ts'
import { CONSUMER_GROUP_ROUTES } from './consumer-groups.ts'
import { ENDORSEMENT_ROOT_ROUTES } from './endorsement-roots.ts'
import { EVENT_ROUTES } from './events.ts'
import { FILE_ROUTES } from './files.ts'
import { HUB_AUTHORITY_ROUTES } from './hub-authority.ts'
import { HUB_ROUTES } from './hub.ts'
import { IDENTITY_ROUTES } from './identities.ts'
import { Idempotency } from './idempotency.ts'
import { KEY_PROVIDER_ROUTES } from './key-provider.ts'
import { LIFE_ROUTES } from './lives.ts'
import { MASQUERADE_ROUTES } from './masquerade.ts'
import { MESSAGE_ROUTES } from './messages.ts'
import { METHOD_ROUTES } from './methods.ts'
import { MODEL_ROUTES } from './models.ts'
import { OpenStreams } from './open-streams.ts'
import { OPERATOR_ROUTES } from './operators.ts'
import { POLICY_ROUTES } from './policies.ts'
import { proposalRoutes } from './proposals.ts'
import { QUERY_ROUTES } from './query.ts'
import { explain } from './refusals.ts'
import { REVIEW_ROUTES } from './reviews.ts'
import { REVOCATION_LIST_ROUTES } from './revocation-lists.ts'
import type { Performable, Route } from './route.ts'
import { SESSION_ROUTES } from './sessions.ts'
import { SHRED_ROUTES } from './shred.ts'
import type { ManagementServices } from './services.ts'
import { SINK_ROUTES } from './sinks.ts'
import { SUPPLY_ROUTES } from './supply.ts'
import { TIMELINE_ROUTES } from './timeline.ts'
import { TOKEN_ROUTES } from './tokens.ts'
import { TELEMETRY_VERIFICATION_ROUTES } from './telemetry-verification.ts'
import { twoPersonRule } from './two-person.ts'
import { WITNESS_ROUTES } from './witnesses.ts'

export type { Connection, ManagementServices } from './services.ts'

/** Every route there is, with the rights it asks for. */
export const MANAGEMENT_ROUTES: readonly Route[] = [
  ...HUB_ROUTES,
  ...HUB_AUTHORITY_ROUTES,
  ...KEY_PROVIDER_ROUTES,
  ...SHRED_ROUTES,
  ...IDENTITY_ROUTES,
  ...LIFE_ROUTES,
  ...MODEL_ROUTES,
  ...SUPPLY_ROUTES,
  ...POLICY_ROUTES,
  ...ATTESTATION_ROUTES,
  ...ENDORSEMENT_ROOT_ROUTES,
  ...AUTHORITY_ROUTES,
  ...REVOCATION_LIST_ROUTES,
  ...CALENDAR_ROUTES,
  ...CERTIFICATE_ROUTES,
  ...CONSUMER_GROUP_ROUTES,
  ...MESSAGE_ROUTES,
  ...MASQUERADE_ROUTES,
  ...COMMAND_ROUTES,
  ...METHOD_ROUTES,
  ...QUERY_ROUTES,
  ...TELEMETRY_VERIFICATION_ROUTES,
  ...FILE_ROUTES,
  ...BACKUP_ROUTES,
  ...EVENT_ROUTES,
  ...ACCESS_ROUTES,
  ...AUDIT_ROUTES,
  ...WITNESS_ROUTES,
  ...SINK_ROUTES,
  ...TIMELINE_ROUTES,
  ...REVIEW_ROUTES,
  ...OPERATOR_ROUTES,
  ...SESSION_ROUTES,
  ...TOKEN_ROUTES,
  ...proposalRoutes(() => MANAGEMENT_ROUTES),
]

/** What is served elsewhere under `/api/v1`, and approved here. */
export interface Elsewhere {
  readonly operations: readonly Performable[]
  /** The problem of an error of theirs. */
  readonly explain: (error: unknown) => Problem | undefined
}

/**
 * The application; its paths begin with `/api/v1`.
 * @throws TypeError if a route asks for no right: nothing is served then.
 */
export function managementRoutes(services: ManagementServices, elsewhere?: Elsewhere): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>()
  guard(app, { explain, failed: services.failed, events: services.events, clock: services.clock })
  bindDocuments(app, services)
  const idempotency = services.answers && new Idempotency(services.answers, services.clock, explain)
  const streams = services.streams ?? new OpenStreams(services.clock)
  const twoPerson = twoPersonRule(services, elsewhere?.explain ?? explain)
  bindRoutes(app, MANAGEMENT_ROUTES, { services, streams, idempotency, twoPerson, elsewhere: elsewhere?.operations })
  return app
}
