export { findTool, requireTool } from './system-tool.ts'
