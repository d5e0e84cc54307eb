/** Every bound of this package. */

/** Characters of a registration id or of the id of an enrolment group (azure-iot.md §7). */
export const REGISTRATION_ID_CHARACTERS_MAX = 128

/** Longest MQTT user name that is looked at, in UTF-16 units: id scope, id, version and an encoded user agent. */
export const USER_NAME_CHARACTERS_MAX = 2_048

/** Longest request topic, in UTF-16 units. */
export const TOPIC_CHARACTERS_MAX = 1_024

/** Characters of `$rid`: the SDKs send a UUID. It comes back in every answer, so it is bounded apart from the topic. */
export const REQUEST_ID_CHARACTERS_MAX = 256

/** Characters of an operation id; ours have 54. */
export const OPERATION_ID_CHARACTERS_MAX = 128

/** Bytes of a body that a device sends: two TPM keys, a certification request and a payload fit well. */
export const DEVICE_BODY_BYTES_MAX = 32_768

/** Bytes of one enrolment document: two certificates, a twin of 40 KiB and device information. */
export const ENROLLMENT_BODY_BYTES_MAX = 131_072

/** Enrolments of one bulk operation (azure-iot.md §10). */
export const BULK_ENROLLMENTS_MAX = 10

/** Bytes of a bulk operation: ten documents with all they may hold stay under it, as does what the HTTP port takes. */
export const BULK_BODY_BYTES_MAX = 1_048_576

/** Bytes of the body of a query. */
export const QUERY_BODY_BYTES_MAX = 16_384

/** UTF-16 units of a query's text. */
export const QUERY_CHARACTERS_MAX = 4_096

/** Conditions of one query, and how deep its parentheses and NOTs may go: a query is evaluated by recursion. */
export const QUERY_CONDITIONS_MAX = 64
export const QUERY_DEPTH_MAX = 16

/** Values of one IN list. */
export const QUERY_VALUES_MAX = 100

/** Nesting of any JSON we read: a twin's 10 levels inside an enrolment inside a bulk operation, and room. */
export const JSON_DEPTH_MAX = 32

/** Faults listed in one answer; the rest are counted. */
export const FAULTS_MAX = 32

/** UTF-16 units of one certificate in an enrolment; PEM of 8 KiB DER and some more. */
export const CERTIFICATE_CHARACTERS_MAX = 16_384

/** UTF-16 units of the JSON of `optionalDeviceInformation`. */
export const DEVICE_INFORMATION_CHARACTERS_MAX = 8_192

/** Host names in `iotHubs`. */
export const HUBS_MAX = 50

/** UTF-16 units of a continuation token; ours have less than 300. */
export const CONTINUATION_CHARACTERS_MAX = 1_024

/** Items of one page: most, and when the client names no number (azure-iot.md §10). */
export const PAGE_ITEMS_MAX = 1_000
export const PAGE_ITEMS_DEFAULT = 100

/** Bytes of an activation blob; with keys of 2048 bits ours have some 900. */
export const ACTIVATION_BLOB_BYTES_MAX = 4_096

/** Bytes of a TPM's public key as TPM2B_PUBLIC, and UTF-16 units of its base64; an RSA key of 4096 bits has less than 700. */
export const TPM_PUBLIC_BYTES_MAX = 1_024
export const TPM_PUBLIC_CHARACTERS_MAX = 1_368

/** UTF-16 units of an endorsement key's certificate with those between it and its root; eight of some 2 KiB in PEM. */
export const ENDORSEMENT_CHARACTERS_MAX = 24_576
