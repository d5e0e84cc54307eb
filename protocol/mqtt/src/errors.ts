/** What can be wrong with the bytes of a packet. Codes are API, messages are not; neither ever holds a peer's bytes. */

const MESSAGES = {
  'packet-type': 'packet types 0 and 15 are reserved (§2.2.1)',
  'header-flags': 'reserved flags of the fixed header are not as listed [MQTT-2.2.2-2]',
  'remaining-length': 'the remaining length is over four bytes or longer than it need be (§2.2.3)',
  'packet-too-large': 'the packet is larger than the receiver takes',
  truncated: 'a field runs past the end of its packet',
  'trailing-bytes': 'bytes follow the last field of the packet',
  utf8: 'a string is not well-formed UTF-8 or holds U+0000 [MQTT-1.5.3-1] [MQTT-1.5.3-2]',
  'packet-id': 'a packet identifier is 0 [MQTT-2.3.1-1]',
  qos: 'both QoS bits are set [MQTT-3.3.1-4] [MQTT-3.8.3-4] [MQTT-3.1.2-14]',
  dup: 'DUP is set on a QoS 0 PUBLISH [MQTT-3.3.1-2]',
  'topic-name': 'a topic name is empty or holds a wildcard [MQTT-4.7.3-1] [MQTT-3.3.2-2]',
  'topic-filter': 'a topic filter is empty or has a misplaced wildcard [MQTT-4.7.1-2] [MQTT-4.7.1-3]',
  'no-filters': 'a SUBSCRIBE or UNSUBSCRIBE names no filter [MQTT-3.8.3-3] [MQTT-3.10.3-2]',
  'too-many-filters': 'a SUBSCRIBE or UNSUBSCRIBE names more filters than the receiver takes',
  'protocol-name': 'the protocol name is not MQTT [MQTT-3.1.2-1]',
  'protocol-level': 'the protocol level is not 4 [MQTT-3.1.2-2]',
  'connect-flags': 'the connect flags contradict each other [MQTT-3.1.2-3] [MQTT-3.1.2-11] [MQTT-3.1.2-22]',
  'connack-fields': 'the flags or the return code of a CONNACK are reserved [MQTT-3.2.2-4] (§3.2.2)',
  'suback-code': 'a SUBACK holds a reserved return code [MQTT-3.9.3-2]',
} as const

export type DecodeErrorCode = keyof typeof MESSAGES

/** Thrown by `decode` and by `PacketReader.next`: the peer sent what MQTT 3.1.1 does not allow, or too much of it. */
export class DecodeError extends Error {
  readonly code: DecodeErrorCode

  constructor(code: DecodeErrorCode) {
    super(MESSAGES[code])
    this.name = 'DecodeError'
    this.code = code
  }
}
