/** What anybody may name: nodes of the tree, and fleets. */

import { strict as assert } from 'node:assert'
import { formatNode, parseNode } from '../node.ts'
import { formatPlacement, parsePlacement } from '../tree.ts'

export const fuzzTargets = [
  {
    name: 'access-node',
    seeds: [
      'organisation/home',
      'site/home/plant-1',
      'fleet/home/plant-1/pumps',
      'device/a:b',
      'home/main/default',
    ].map((text) => Buffer.from(text)),
    run(bytes: Uint8Array): void {
      const text = Buffer.from(bytes).toString('utf8')
      const node = parseNode(text)
      // One name for a node, and one node for a name.
      if (node !== undefined) assert.equal(formatNode(node), text)
      const placement = parsePlacement(text)
      if (placement !== undefined) assert.equal(formatPlacement(placement), text)
    },
  },
]
