export { Access, type AccessParts } from './access.ts'
export { type Decision, Decisions, type DecisionParts, type Denial } from './decisions.ts'
export { AccessError, type AccessErrorCode, type PolicyFault } from './errors.ts'
export { explain, type ExplainedPolicy, type Explanation } from './explain.ts'
export type { Grant } from './grant.ts'
export {
  ORGANISATIONS_MAX,
  PRINCIPAL_CHARACTERS_MAX,
  ROLE_POLICIES_MAX,
  ROLE_TEXT_CHARACTERS_MAX,
  ROLE_TEXT_DEPTH_MAX,
  ROLE_VERSIONS_KEPT,
  USE_KEPT_DAYS,
} from './limits.ts'
export { formatNode, isName, NAME_CHARACTERS_MAX, type Node, parseNode, type Placement, type Resource } from './node.ts'
export {
  type Circumstances,
  EVERYBODY,
  type PolicyAnswer,
  type PolicyCheck,
  type PolicyEngine,
  type PolicyQuestion,
} from './policy-engine.ts'
export { isStartingRole, type Role, type RoleVersion } from './role.ts'
export { STARTING_ROLES } from './starting-roles.ts'
export type { AccessChange, AccessState, AccessStore, Use, UseSum } from './store.ts'
export type { Assignment, Subject } from './subject.ts'
export {
  covers,
  FIRST_PLACEMENT,
  formatPlacement,
  type Organisation,
  parsePlacement,
  type Site,
  Tree,
} from './tree.ts'
export { listUnused, type UnusedGrant } from './unused.ts'
export { dayOf, UseCounters } from './use-counters.ts'
