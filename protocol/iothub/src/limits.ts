/** Every bound of the hub's protocol: those that Azure documents (azure-iot.md §10), and those of our own parsers. */

/** Characters of a device or module id; documented. */
export const ID_CHARACTERS_MAX = 128

/** Bytes of one message from a device: body, system values, names and values of properties; documented. */
export const TELEMETRY_BYTES_MAX = 262_144

/** Bytes of one message to a device, counted alike; documented. */
export const COMMAND_BYTES_MAX = 65_536

/** Messages that wait for one device; documented. */
export const COMMAND_QUEUE_MAX = 50

/** How long a message to a device lives, in milliseconds; documented: an hour unless told, a minute to two days. */
export const COMMAND_LIFE_MS = 3_600_000
export const COMMAND_LIFE_MS_MIN = 60_000
export const COMMAND_LIFE_MS_MAX = 172_800_000

/** How long a delivered message stays locked for its receiver, in milliseconds; documented. */
export const COMMAND_LOCK_MS = 60_000

/** Deliveries of one message before it is dropped; documented: 10 unless told, 1 to 100. */
export const DELIVERY_COUNT_MAX = 10
export const DELIVERY_COUNT_MAX_MAX = 100

/** Feedback: life and lock in milliseconds, records in one batch; documented. */
export const FEEDBACK_LIFE_MS = 3_600_000
export const FEEDBACK_LOCK_MS = 60_000
export const FEEDBACK_RECORDS_MAX = 64

/** Bytes of the payload of a direct method, either way; documented. */
export const METHOD_PAYLOAD_BYTES_MAX = 131_072

/** Seconds that a method call may wait for the answer and for the device to connect; documented. */
export const METHOD_RESPONSE_SECONDS_MIN = 5
export const METHOD_RESPONSE_SECONDS_MAX = 300
export const METHOD_RESPONSE_SECONDS = 30
export const METHOD_CONNECT_SECONDS_MAX = 300

/** Sizes of a twin's sections in bytes, as Azure counts them; documented. */
export const TWIN_TAGS_BYTES_MAX = 8_192
export const TWIN_DESIRED_BYTES_MAX = 32_768
export const TWIN_REPORTED_BYTES_MAX = 32_768

/** Nesting of a twin's section, bytes of one key and of one string value, range of integers; documented. */
export const TWIN_DEPTH_MAX = 10
export const TWIN_KEY_BYTES_MAX = 1_024
export const TWIN_STRING_BYTES_MAX = 4_096
export const TWIN_INTEGER_MIN = -4_503_599_627_370_496
export const TWIN_INTEGER_MAX = 4_503_599_627_370_495

/**
 * Nesting of the JSON that a twin is written with: the levels of a section inside `properties` inside the document, and
 * as many arrays between them; Azure counts objects alone.
 */
export const TWIN_JSON_DEPTH_MAX = 2 * TWIN_DEPTH_MAX + 4

/**
 * Values in one body, whatever they are: they cost more than bytes do. A whole document of two sections of 4,096
 * properties, with the two or three values of metadata for each, stays below it.
 */
export const TWIN_JSON_VALUES_MAX = 32_768

/**
 * A section's JSON text has at most so many bytes for each byte that Azure allows the section. A number is counted as 8
 * and written with up to 25; with a short key and marks that is three and a half times what is counted.
 */
export const TWIN_TEXT_FACTOR = 4

/**
 * Properties of a section, objects among them. Each has a node of some 60 bytes in the metadata, which every write of the
 * section reads and writes; Azure's bytes alone would let there be 16,000. A section that is full of flags with names of
 * five letters has 3,640.
 */
export const TWIN_PROPERTIES_MAX = 4_096

/** Characters of a message id; documented. */
export const MESSAGE_ID_CHARACTERS_MAX = 128

/** File uploads that one device may have open; documented. */
export const UPLOADS_MAX = 10

/** Devices in one bulk request to the registry; documented. */
export const REGISTRY_BULK_MAX = 100

/** Items on one page of a query or a list: unless told, and at most; documented. */
export const QUERY_PAGE_ITEMS = 100
export const QUERY_PAGE_ITEMS_MAX = 1_000

/** Longest keep-alive that counts, in seconds; what is asked beyond is cut to it. Documented; 1.5 times it is 1767 s. */
export const KEEP_ALIVE_SECONDS_MAX = 1_177

/** Topic filters of one session. Five are documented, the SDKs need four; twice that lets a client replace them. */
export const SUBSCRIPTIONS_MAX = 10

/** Characters of an MQTT user name; the SDKs stay below 512. */
export const USER_NAME_CHARACTERS_MAX = 4_096

/** Parameters in a user name or behind the `?` of a topic; at most four are defined. */
export const QUERY_PARAMETERS_MAX = 16

/** Characters of a host name (RFC 1035 §2.3.4), a port behind it included. */
export const HOST_CHARACTERS_MAX = 261

/** Characters of a DTDL model id; Azure stores no longer ones. */
export const MODEL_ID_CHARACTERS_MAX = 256

/** Characters of an id scope; Azure's have 11. */
export const ID_SCOPE_CHARACTERS_MAX = 64

/** Characters of an MQTT topic that are looked at: MQTT 3.1.1 §1.5.3 ends a string at 65 535 bytes. */
export const TOPIC_CHARACTERS_MAX = 65_535

/** Characters of a request id (`$rid`); the SDKs send UUIDs or counters. It is held while an answer is made. */
export const REQUEST_ID_CHARACTERS_MAX = 256

/** Characters of a method's or an input's name; documented as 100 for methods. */
export const NAME_CHARACTERS_MAX = 128

/** Properties of one bag. Azure bounds their bytes only; the count bounds what reading a message allocates. */
export const BAG_PROPERTIES_MAX = 1_024

/** Characters of a bag: it is part of a topic. */
export const BAG_CHARACTERS_MAX = TOPIC_CHARACTERS_MAX
