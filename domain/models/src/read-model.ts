/** A model's document, from whoever wrote it: strict, and every fault named. */

import { readConnectionPolicy } from '@holdfast/admission'
import { readAttestationPolicy } from '@holdfast/attestation'
import { ModelError, type ModelFault } from './errors.ts'
import {
  ANNOUNCED_CHARACTERS_MAX,
  ANNOUNCED_MAX,
  DESCRIPTION_CHARACTERS_MAX,
  MODEL_ID_CHARACTERS_MAX,
  REVISION_CHARACTERS_MAX,
  REVISIONS_MAX,
} from './limits.ts'
import {
  isCredentialKind,
  type ModelDraft,
  type ModelPolicies,
  type ModelRequirements,
  REQUIREMENT_NAMES,
} from './model.ts'
import { type CredentialKind, isTier, type RequirementName, STEP_OF, type Tier, TIER_RULES, TIERS } from './tier.ts'

const ID = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${MODEL_ID_CHARACTERS_MAX - 1}}$`)
const REVISION = new RegExp(`^[\\x21-\\x7e]{1,${REVISION_CHARACTERS_MAX}}$`)
const ANNOUNCED = new RegExp(`^[\\x21-\\x7e]{1,${ANNOUNCED_CHARACTERS_MAX}}$`)

const MEMBERS: ReadonlySet<string> = new Set([
  'id',
  'manufacturer',
  'description',
  'tier',
  'hardwareRevisions',
  'announces',
  'requirements',
  'connection',
  'attestation',
])

/** Whether the text can be the name of a model or of a manufacturer. */
export function isModelName(text: string): boolean {
  return ID.test(text)
}

/** Whether the text can be a hardware revision. */
export function isHardwareRevision(text: string): boolean {
  return REVISION.test(text)
}

/**
 * @throws ModelError `invalid` with every fault.
 */
export function readModel(document: unknown): ModelDraft {
  const faults: ModelFault[] = []
  const fault = (path: string, message: string): void => void faults.push({ path, message })
  const members = objectOf(document)
  if (members === undefined) throw invalid([{ path: '', message: 'is not a JSON object' }])
  for (const name of members.keys()) if (!MEMBERS.has(name)) fault(`/${pointer(name)}`, 'is not known')

  const named = (name: 'id' | 'manufacturer'): string => {
    const value = members.get(name)
    if (typeof value === 'string' && ID.test(value)) return value
    fault(`/${name}`, `is 1 to ${MODEL_ID_CHARACTERS_MAX} of A-Z a-z 0-9 . _ -, a letter or digit first`)
    return ''
  }
  const id = named('id')
  const manufacturer = named('manufacturer')
  const description = members.get('description')
  if (description !== undefined && !isText(description, DESCRIPTION_CHARACTERS_MAX)) {
    fault('/description', `is a text of at most ${DESCRIPTION_CHARACTERS_MAX} characters`)
  }
  const tier = members.get('tier')
  if (!isTier(tier)) fault('/tier', `is one of ${TIERS.join(', ')}`)
  const hardwareRevisions = textsOf(members.get('hardwareRevisions'), REVISION, REVISIONS_MAX)
  if (hardwareRevisions === undefined) {
    fault('/hardwareRevisions', `is a list of 1 to ${REVISIONS_MAX} different texts without blanks`)
  }
  const announces = members.has('announces') ? textsOf(members.get('announces'), ANNOUNCED, ANNOUNCED_MAX) : []
  if (announces === undefined) fault('/announces', `is a list of 1 to ${ANNOUNCED_MAX} different model ids`)
  const requirements = isTier(tier) ? requirementsFrom(members.get('requirements'), tier, fault) : {}
  const policies = policiesFrom(members, fault)
  if (isTier(tier) && TIER_RULES[tier].rules.measuredBoot === 'never' && policies.attestation !== undefined) {
    fault('/attestation', `cannot be asked of devices of the tier ${tier}, which measure no boot`)
  }
  if (faults.length > 0 || !isTier(tier) || hardwareRevisions === undefined) throw invalid(faults)
  return {
    id,
    manufacturer,
    ...(typeof description === 'string' ? { description } : {}),
    tier,
    hardwareRevisions,
    ...(announces === undefined || announces.length === 0 ? {} : { announces }),
    requirements,
    policies,
  }
}

type Fault = (path: string, message: string) => void

/** `{ "credentials": […], "commissioning": false, … }`, held against what the tier can offer. */
function requirementsFrom(value: unknown, tier: Tier, fault: Fault): ModelRequirements {
  if (value === undefined) return {}
  const members = objectOf(value)
  if (members === undefined) {
    fault('/requirements', 'is not a JSON object')
    return {}
  }
  const rules: Partial<Record<RequirementName, boolean>> = {}
  let credentials: readonly CredentialKind[] | undefined
  for (const [name, asked] of members) {
    const path = `/requirements/${pointer(name)}`
    if (name === 'credentials') {
      credentials = credentialsFrom(asked, tier, fault)
    } else if (!isRequirement(name)) {
      fault(path, `is not known; there are credentials, ${REQUIREMENT_NAMES.join(', ')}`)
    } else if (typeof asked !== 'boolean') {
      fault(path, 'is true or false')
    } else {
      const rule = TIER_RULES[tier].rules[name]
      if (rule === 'never' && asked) fault(path, `cannot be offered by devices of the tier ${tier}`)
      else if (rule === 'always' && !asked) fault(path, `cannot be waived in the tier ${tier}; choose another tier`)
      else rules[name] = asked
    }
  }
  return {
    ...(credentials === undefined ? {} : { credentials }),
    ...(Object.keys(rules).length === 0 ? {} : { rules }),
  }
}

function credentialsFrom(value: unknown, tier: Tier, fault: Fault): readonly CredentialKind[] | undefined {
  const path = '/requirements/credentials'
  const { credentials: allowed } = TIER_RULES[tier]
  if (!Array.isArray(value) || value.length === 0 || value.length > allowed.length || !value.every(isCredentialKind)) {
    fault(path, `is a list of some of ${allowed.join(', ')}`)
    return undefined
  }
  const beyond = value.filter((kind) => !allowed.includes(kind))
  if (beyond.length === 0) return [...new Set(value)]
  fault(path, `${beyond.join(', ')}: not among what the tier ${tier} may rest on (${allowed.join(', ')})`)
  return undefined
}

function policiesFrom(members: ReadonlyMap<string, unknown>, fault: Fault): ModelPolicies {
  const read = <T>(name: keyof ModelPolicies, reader: (value: unknown) => T): T | undefined => {
    if (!members.has(name)) return undefined
    try {
      return reader(members.get(name))
    } catch (error) {
      fault(`/${name}`, error instanceof Error ? error.message : 'is not of the form it must have')
      return undefined
    }
  }
  const connection = read('connection', readConnectionPolicy)
  const attestation = read('attestation', readAttestationPolicy)
  return {
    ...(connection === undefined ? {} : { connection }),
    ...(attestation === undefined ? {} : { attestation }),
  }
}

function textsOf(value: unknown, form: RegExp, itemsMax: number): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > itemsMax) return undefined
  const texts = value.filter((one): one is string => typeof one === 'string' && form.test(one))
  return texts.length === value.length && new Set(texts).size === texts.length ? texts : undefined
}

function objectOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return new Map(Object.entries(value))
}

function isText(value: unknown, charactersMax: number): value is string {
  return typeof value === 'string' && value.length <= charactersMax
}

function isRequirement(name: string): name is RequirementName {
  return Object.hasOwn(STEP_OF, name)
}

/** A name from a peer, short and escaped as RFC 6901 §3 asks. */
function pointer(name: string): string {
  return name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')
}

function invalid(faults: readonly ModelFault[]): ModelError {
  const told = faults.map(({ path, message }) => `${path === '' ? 'the document' : path} ${message}`)
  return new ModelError('invalid', told.join('; '), faults)
}
