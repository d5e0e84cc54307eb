/**
 * Policies without a language, for tests of what stands around them: a text is lines of `permit ACTION`, `forbid ACTION`
 * or `fault`, where `*` is every action. A role's lines hold for who has the role, the lines for everybody for all.
 */

import {
  EVERYBODY,
  type PolicyAnswer,
  type PolicyCheck,
  type PolicyEngine,
  type PolicyQuestion,
} from '../policy-engine.ts'

interface Line {
  readonly id: string
  readonly role: string
  readonly effect: string
  readonly action: string
}

export class SimpleEngine implements PolicyEngine {
  readonly #sets = new Map<string, readonly Line[]>()

  check(role: string, text: string): PolicyCheck {
    const lines = linesOf(role, text)
    const faults = lines.flatMap(({ effect, action }, at) => {
      const isRight = effect === 'fault' || ((effect === 'permit' || effect === 'forbid') && action !== '')
      return isRight && (role !== EVERYBODY || effect !== 'permit')
        ? []
        : [{ line: at + 1, column: 1, message: 'is no line' }]
    })
    return {
      faults,
      warnings: [],
      policies: lines.map(({ id, effect, action }) => ({ id, text: `${effect} ${action}` })),
    }
  }

  prepare(organisation: string, texts: ReadonlyMap<string, string>): void {
    this.#sets.set(
      organisation,
      [...texts].flatMap(([role, text]) => linesOf(role, text)),
    )
  }

  isBlind(): boolean {
    return true
  }

  decide(organisation: string, { roles, action, circumstances }: PolicyQuestion): PolicyAnswer {
    const lines = (this.#sets.get(organisation) ?? []).filter(
      (line) => (line.role === EVERYBODY || roles.includes(line.role)) && ['*', action].includes(line.action || '*'),
    )
    const idsOf = (effect: string): readonly string[] =>
      lines.filter((line) => line.effect === effect).map(({ id }) => id)
    const errors = idsOf('fault')
    const forbids = idsOf('forbid')
    const permits = [...idsOf('permit'), ...(circumstances.isScoped ? ['token-scope'] : [])]
    const reasons = forbids.length > 0 ? forbids : permits
    return { isAllowed: errors.length === 0 && forbids.length === 0 && permits.length > 0, reasons, errors }
  }
}

function linesOf(role: string, text: string): readonly Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, at) => {
      const [effect = '', action = ''] = line.split(' ')
      return { id: `${role}/${at + 1}`, role, effect, action }
    })
}
