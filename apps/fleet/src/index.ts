export type { World } from './program.ts'
export { run } from './run.ts'
