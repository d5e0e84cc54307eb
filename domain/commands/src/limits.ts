/** Bounds of messages to devices and of the hub's own queues that no protocol documents; the others stand in iothub. */

/**
 * Characters of the properties of one message, percent-encoded as a device gets them over MQTT: they stand in a topic,
 * which ends at 65,535 bytes, behind ids that may have 300.
 */
export const ENCODED_PROPERTIES_CHARACTERS_MAX = 64_000

/** Characters of a property's name and of a content type or encoding: what HTTP headers are given. */
export const PROPERTY_NAME_CHARACTERS_MAX = 256
export const CONTENT_FIELD_CHARACTERS_MAX = 256

/** Bytes of messages kept in memory between being sent and being delivered; what is not kept is read from the disk. */
export const RECENT_BYTES_MAX = 16 * 1024 * 1024

/** Bytes of messages that are on their way to the disk; what comes beyond is refused, for its sender to try again. */
export const SENDING_BYTES_MAX = 32 * 1024 * 1024

/** Messages that one sweep ends in one transaction; the next sweep goes on where it was. */
export const SWEEP_COMMANDS_MAX = 256

/** How often what has expired is looked for, in milliseconds: devices and back ends count in minutes. */
export const SWEEP_MS = 1_000

/** How long after a fault of the disk a sweep, or a batch of feedback, is tried again, in milliseconds: each is a line in the log. */
export const FAULT_RETRY_MS = 10_000

/** How long after a fault of the disk reading a queue is tried again, in milliseconds. */
export const RETRY_MS = 2_000

/** Entries of a hub-wide queue in memory, locked ones included; a receiver that takes more waits until it settles. */
export const WINDOW_ENTRIES_MAX = 256

/**
 * Messages that wait in one hub-wide queue. What comes then takes the place of the oldest: nobody reads them, and what
 * has happened since is of more use than what would have expired soon.
 */
export const SERVICE_QUEUE_MESSAGES_MAX = 10_000

/** Bytes of one message in a hub-wide queue: 64 records of feedback are a quarter of it. */
export const SERVICE_MESSAGE_BYTES_MAX = 262_144

/** How long a record of feedback waits for others of its batch, in milliseconds; documented. */
export const FEEDBACK_BATCH_MS = 15_000
