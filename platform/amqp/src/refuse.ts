import type { Receiver, Sender } from 'rhea'
import type { AmqpRefusal } from './node.ts'

/**
 * Detaches a link with an error. Of one that was not taken, the attach that goes first has neither source nor target, as
 * the standard has it for a refused link (§2.6.3).
 */
export function refuse(link: Receiver | Sender, { condition, description, info }: AmqpRefusal): void {
  link.close({
    condition,
    description,
    ...(info === undefined ? {} : { info }),
  })
}
