/**
 * The shapes of `/api/v1` that most callers need, in one place. Times are RFC 3339 UTC; errors are problem+json
 * (RFC 9457): `title`, `status`, `detail` (what to do), `code`, and for a request of the wrong form `faults`.
 */

export { Authority, AuthorityCreate, AuthorityProof } from './authorities.ts'
export { Lapse } from './calendar.ts'
export { MessageSent, MessageToDevice, MethodAnswer, MethodCall, Purged } from './commands.ts'
export { Changed, ConnectionString, Device, DeviceChange, DeviceCreate, KeyChoice, ModuleCreate } from './devices.ts'
export { DerivedKey, Enrollment, EnrollmentCreate } from './enrollments.ts'
export { Event } from './events.ts'
export { File } from './files.ts'
export { Certificate, DataKey, DataKeyDropped, Status } from './hub.ts'
export {
  HubAuthority,
  HubAuthorityChanged,
  RolloverBegin,
  RolloverFinish,
  RolloverProgress,
  RolloverState,
  RolloverSwitch,
  Root,
  RootBrought,
  RootBundle,
  RootExport,
  RootUse,
  Serving,
} from './hub-authority.ts'
export type { KeyProviderKind } from './key-provider.ts'
export { KeyProvider, KeyProviderChange } from './key-provider.ts'
export { Policy } from './policies.ts'
export { QueryPage, QueryRequest } from './query.ts'
export type { Page } from './shape.ts'
export { Shredded, ShredRequest } from './shred.ts'
export { ConsumerGroup, ConsumerGroupCreate, Message } from './telemetry.ts'
