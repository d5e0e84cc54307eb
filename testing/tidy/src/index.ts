export { findTool, requireFolder, requireTool } from './system-tool.ts'
