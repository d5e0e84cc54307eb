/** Every bound of this package, with its unit and its reason. */

/** Bytes of one message: what receivers SHOULD be able to take (RFC 5424 §6.1), and what rsyslog keeps whole by default. */
export const MESSAGE_BYTES_MAX = 8_192

/** Characters of the header's fields: RFC 5424 §6. */
export const HOSTNAME_LENGTH_MAX = 255
export const APP_NAME_LENGTH_MAX = 48
export const PROCESS_ID_LENGTH_MAX = 128
export const MESSAGE_ID_LENGTH_MAX = 32

/** Characters of an SD-ID and of a parameter's name: RFC 5424 §6.3.2, §6.3.3. */
export const SD_NAME_LENGTH_MAX = 32
