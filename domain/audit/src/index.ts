export type { EventSink, EventType, SecurityEvent } from './event.ts'
export { EVENT_TYPES } from './event.ts'
export { EventThrottle } from './event-throttle.ts'
