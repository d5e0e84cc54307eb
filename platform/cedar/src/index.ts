export { CedarEngine } from './cedar-engine.ts'
export { schemaOf } from './schema.ts'
