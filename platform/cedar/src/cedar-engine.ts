/** Policies by Cedar (language 4, cedar-wasm), validated strictly against the schema of our actions before they count. */

import type { DetailedError, EntityJson, PrincipalConstraint, Schema, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs'
import {
  EVERYBODY,
  type PolicyAnswer,
  type PolicyCheck,
  type PolicyEngine,
  type PolicyFault,
  type PolicyQuestion,
  ROLE_POLICIES_MAX,
  ROLE_TEXT_DEPTH_MAX,
} from '@holdfast/authorization'
import { entitiesOf, principalOf, resourceOf } from './entities.ts'
import { type Cedar, loadCedar } from './instance.ts'
import { nestingOf, POLICY_OPERATORS_MAX } from './nesting.ts'
import { positionOf } from './position.ts'
import { groupsOf, schemaOf } from './schema.ts'

/** What tokens may do that name single actions: it stands in every set, and no text of a role can take it away. */
const SCOPED_ID = 'token-scope'
const SCOPED = 'permit (principal is Token, action, resource) when { context.isScoped };'

/** Faults of one text that are told. */
const FAULTS_TOLD_MAX = 16

export class CedarEngine implements PolicyEngine {
  readonly #schema: Schema
  /** What decides reads only texts that passed what reads; the latter is loaded when somebody writes a role. */
  #decider: Cedar
  #reader: Cedar | undefined
  /** Policies by organisation, as the decider has them. */
  readonly #sets = new Map<string, Readonly<Record<string, string>>>()
  readonly #blind = new Set<string>()

  /** @param actions all that there are, `resource:verb` each. */
  constructor(actions: readonly string[]) {
    this.#schema = schemaOf(actions)
    this.#decider = loadCedar()
    const answer = this.#decider.checkParseSchema(this.#schema)
    if (answer.type === 'failure') throw new TypeError(`the schema of policies is wrong: ${wordsOf(answer.errors)}`)
  }

  check(role: string, text: string): PolicyCheck {
    const { brackets, operators } = nestingOf(text)
    const tooMuch =
      brackets > ROLE_TEXT_DEPTH_MAX
        ? `brackets stand ${brackets} deep in each other; ${ROLE_TEXT_DEPTH_MAX} is the most`
        : operators > POLICY_OPERATORS_MAX
          ? `a policy has ${operators} operators; ${POLICY_OPERATORS_MAX} is the most: write it as several`
          : undefined
    if (tooMuch !== undefined) return faulty([{ line: 1, column: 1, message: tooMuch }])
    const reader = (this.#reader ??= loadCedar())
    try {
      return this.#check(reader, role, text)
    } catch (error) {
      // Whatever a text did to the reader, the next one gets another.
      this.#reader = undefined
      return faulty([{ line: 1, column: 1, message: `the text cannot be read: ${messageOf(error)}` }])
    }
  }

  prepare(organisation: string, texts: ReadonlyMap<string, string>): void {
    this.#sets.delete(organisation)
    this.#blind.delete(organisation)
    const policies: Record<string, string> = texts.size === 0 ? {} : { [SCOPED_ID]: SCOPED }
    for (const [role, text] of texts) {
      for (const one of policiesOf(this.#decider, role, text)) policies[one.id] = one.text
    }
    const answer = this.#decider.preparsePolicySet(organisation, { staticPolicies: policies })
    if (answer.type === 'failure') throw new TypeError(`policies of ${organisation}: ${wordsOf(answer.errors)}`)
    if (texts.size === 0) return
    this.#sets.set(organisation, policies)
    if (Object.values(policies).every((policy) => isBlind(this.#decider, policy))) this.#blind.add(organisation)
  }

  isBlind(organisation: string): boolean {
    return this.#blind.has(organisation)
  }

  decide(organisation: string, question: PolicyQuestion): PolicyAnswer {
    if (!this.#sets.has(organisation)) return { isAllowed: false, reasons: [], errors: [] }
    try {
      return this.#decide(organisation, question)
    } catch (error) {
      this.#renew()
      return { isAllowed: false, reasons: [], errors: [messageOf(error)] }
    }
  }

  #decide(organisation: string, question: PolicyQuestion): PolicyAnswer {
    const { isPresent, isScoped } = question.circumstances
    const answer = this.#decider.statefulIsAuthorized({
      principal: principalOf(question),
      action: { type: 'Action', id: question.action },
      resource: resourceOf(question.resource),
      context: { isPresent, isScoped },
      preparsedPolicySetId: organisation,
      entities: [...entitiesOf(question), actionEntity(question.action)],
    })
    if (answer.type === 'failure') return { isAllowed: false, reasons: [], errors: [wordsOf(answer.errors)] }
    const { decision, diagnostics } = answer.response
    const errors = diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`)
    // Cedar leaves out what it cannot evaluate; a policy that forbids must not be left out.
    return { isAllowed: decision === 'allow' && errors.length === 0, reasons: diagnostics.reason, errors }
  }

  /** Replaces a decider that ended, with the same sets. */
  #renew(): void {
    this.#decider = loadCedar()
    for (const [organisation, staticPolicies] of this.#sets) {
      this.#decider.preparsePolicySet(organisation, { staticPolicies: { ...staticPolicies } })
    }
  }

  #check(cedar: Cedar, role: string, text: string): PolicyCheck {
    const policySet = { staticPolicies: text }
    const parsed = cedar.checkParsePolicySet(policySet)
    if (parsed.type === 'failure') return faulty(faultsIn(text, parsed.errors))
    const policies = policiesOf(cedar, role, text)
    if (policies.length > ROLE_POLICIES_MAX) {
      const message = `there are ${policies.length} policies; ${ROLE_POLICIES_MAX} is the most`
      return faulty([{ line: 1, column: 1, message }])
    }
    const foreign = policies.flatMap((one) => {
      const message = foreignness(cedar, role, one.text)
      return message === undefined ? [] : [{ ...positionOf(text, one.offset), message }]
    })
    if (foreign.length > 0) return faulty(foreign)
    const answer = cedar.validate({ validationSettings: { mode: 'strict' }, schema: this.#schema, policies: policySet })
    if (answer.type === 'failure') return faulty(faultsIn(text, answer.errors))
    const faults = faultsIn(
      text,
      answer.validationErrors.map(({ error }) => error),
    )
    const warnings = faultsIn(
      text,
      answer.validationWarnings.map(({ error }) => error),
    )
    return { faults, warnings, policies: policies.map((one) => ({ id: one.id, text: one.text })) }
  }
}

/** An action with its groups: Cedar knows them from the schema only where it checks requests against that, at a cost. */
function actionEntity(action: string): EntityJson {
  const parents = groupsOf(action).map((id) => ({ type: 'Action', id }))
  return { uid: { type: 'Action', id: action }, attrs: {}, parents }
}

interface Part {
  readonly id: string
  readonly text: string
  /** In bytes of the text's UTF-8. */
  readonly offset: number
}

/** The policies of a text, in its order. Cedar calls them `policy0` and so on, and gives them sorted by those names. */
function policiesOf(cedar: Cedar, role: string, text: string): readonly Part[] {
  const parts = cedar.policySetTextToParts(text)
  if (parts.type === 'failure') throw new TypeError(`the text of the role ${role}: ${wordsOf(parts.errors)}`)
  if (parts.policy_templates.length > 0) throw new TypeError('templates are not taken: write out who and which')
  const names = parts.policies.map((_, at) => `policy${at}`).toSorted()
  const ordered = parts.policies.map((policy, at) => ({ policy, at: Number(names[at]?.slice('policy'.length)) }))
  let from = 0
  return ordered
    .toSorted((a, b) => a.at - b.at)
    .map(({ policy }, at) => {
      const found = text.indexOf(policy, from)
      if (found >= 0) from = found + policy.length
      const offset = found < 0 ? 0 : Buffer.byteLength(text.slice(0, found))
      return { id: `${role}/${at + 1}`, text: policy, offset }
    })
}

/** What a policy says that the text of this role may not; undefined where it says nothing of the kind. */
function foreignness(cedar: Cedar, role: string, policy: string): string | undefined {
  const answer = cedar.policyToJson(policy)
  if (answer.type === 'failure') return wordsOf(answer.errors)
  const { effect, principal } = answer.json
  if (role === EVERYBODY)
    return effect === 'forbid' ? undefined : 'what holds for everybody can only forbid; permit in a role'
  const uid = withinOf(principal)
  return uid?.type === 'Role' && uid.id === role
    ? undefined
    : `each policy of this role begins with principal in Role::"${role}"`
}

/** Of what a policy's principal has to be a member. */
function withinOf(principal: PrincipalConstraint): TypeAndId | undefined {
  const within =
    principal.op === 'in' && 'entity' in principal
      ? principal.entity
      : principal.op === 'is' && principal.in !== undefined && 'entity' in principal.in
        ? principal.in.entity
        : undefined
  return within !== undefined && '__entity' in within ? within.__entity : within
}

/** Whether a policy speaks neither of a place nor of a person: what its JSON form (Cedar's EST) has no mention of. */
function isBlind(cedar: Cedar, policy: string): boolean {
  const answer = cedar.policyToJson(policy)
  if (answer.type === 'failure') return false
  const { principal, resource, conditions } = answer.json
  const within = withinOf(principal)
  const isOfMany = principal.op === 'All' || principal.op === 'in' || principal.op === 'is'
  const said = JSON.stringify(conditions)
  return (
    isOfMany &&
    (within === undefined || within.type === 'Role') &&
    resource.op === 'All' &&
    !/"Var":"(?:principal|resource)"/.test(said)
  )
}

function faultsIn(text: string, errors: readonly DetailedError[]): readonly PolicyFault[] {
  const faults: PolicyFault[] = []
  const seen = new Set<string>()
  for (const { message, help, sourceLocations } of errors) {
    const [where] = sourceLocations ?? []
    const label = where?.label === null || where?.label === undefined ? '' : `; ${where.label}`
    const fault = {
      ...positionOf(text, where?.start ?? 0),
      message: `${message.replace(/^for policy `policy\d+`, /, '')}${label}${help === null ? '' : `; ${help}`}`,
    }
    const place = `${fault.line} ${fault.column}`
    // Strict validation says the same for each kind of thing that a policy could be about.
    if (seen.has(place)) continue
    seen.add(place)
    faults.push(fault)
    if (faults.length >= FAULTS_TOLD_MAX) break
  }
  return faults
}

function faulty(faults: readonly PolicyFault[]): PolicyCheck {
  return { faults, warnings: [], policies: [] }
}

function wordsOf(errors: readonly DetailedError[]): string {
  return errors.map(({ message }) => message).join('; ')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown'
}
