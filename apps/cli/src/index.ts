export type { World } from './command.ts'
export { run } from './run.ts'
