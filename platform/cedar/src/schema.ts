/**
 * What policies can speak of, as a Cedar schema (Cedar 4, JSON form). Actions stand in two groups each: `any:VERB` and
 * `RESOURCE:any`, so that a policy can name what there will be as well.
 */

import type { Schema } from '@cedar-policy/cedar-wasm/nodejs'

const RESOURCES = ['Hub', 'Organisation', 'Site', 'Fleet', 'Device']

const CONTEXT = {
  type: 'Record' as const,
  attributes: {
    isPresent: { type: 'Boolean' as const },
    isScoped: { type: 'Boolean' as const },
  },
}

/** @param actions `resource:verb` each. */
export function schemaOf(actions: readonly string[]): Schema {
  const groups = new Set(actions.flatMap(groupsOf))
  return {
    '': {
      entityTypes: {
        Role: {},
        Person: { memberOfTypes: ['Role'] },
        Token: { memberOfTypes: ['Role'] },
        Organisation: {},
        Hub: { memberOfTypes: ['Organisation'] },
        Site: { memberOfTypes: ['Organisation'] },
        Fleet: { memberOfTypes: ['Site'] },
        Device: { memberOfTypes: ['Fleet'] },
      },
      actions: {
        ...Object.fromEntries([...groups].map((group) => [group, {}])),
        ...Object.fromEntries(
          actions.map((action) => [
            action,
            {
              memberOf: groupsOf(action).map((id) => ({ id })),
              appliesTo: { principalTypes: ['Person', 'Token'], resourceTypes: RESOURCES, context: CONTEXT },
            },
          ]),
        ),
      },
    },
  }
}

/** The groups that an action is in. */
export function groupsOf(action: string): readonly string[] {
  const [resource = '', verb = ''] = action.split(':')
  return [`any:${verb}`, `${resource}:any`]
}
