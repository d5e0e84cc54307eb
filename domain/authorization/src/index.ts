export type { Grant } from './grant.ts'
export { formatNode, isName, NAME_CHARACTERS_MAX, type Node, parseNode, type Placement, type Resource } from './node.ts'
