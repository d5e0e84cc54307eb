/** Bounds of event logs. */

/** Longest log, in bytes. Those of real machines have 10 to 100 KiB; a request of a device takes 1 MiB, in base64. */
export const EVENT_LOG_BYTES_MAX = 524_288

/** Most events of one log. Real machines have 30 to 300; a measured kernel a few thousand. */
export const EVENTS_MAX = 8_192

/** Most hashes in one log: a TPM has one bank for each, and none has more than a handful. */
export const EVENT_BANKS_MAX = 8

/** PCRs of a PC Client TPM (PC Client Platform TPM Profile §4.6). */
export const PCRS = 24
