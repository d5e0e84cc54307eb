/** Octet counting: RFC 5425 §4.3, SYSLOG-FRAME = MSG-LEN SP SYSLOG-MSG. */

/** @throws TypeError for an empty message, which no frame can hold (MSG-LEN begins with a nonzero digit). */
export function encodeFrame(message: Uint8Array): Uint8Array {
  if (message.length === 0) throw new TypeError('a frame holds a message')
  return Buffer.concat([Buffer.from(`${message.length} `, 'latin1'), message])
}
