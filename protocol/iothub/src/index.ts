export { isApiVersion, parseApiVersion } from './api-version.ts'
export type { CertificateError, CertificateErrorCode, CertificateRequest } from './certificate-request.ts'
export {
  certificateStatusOf,
  formatCertificateAccepted,
  formatCertificateError,
  formatCertificateIssued,
  readCertificateRequest,
} from './certificate-request.ts'
export type { HubFormatErrorCode } from './errors.ts'
export { HubFormatError } from './errors.ts'
export type { TelemetryItem } from './https/telemetry-request.ts'
export {
  APPLICATION_PREFIX,
  BATCH_CONTENT_TYPE,
  readTelemetryBatch,
  readTelemetryHeaders,
  telemetryBytes,
} from './https/telemetry-request.ts'
export { isBlobUpload, UPLOAD_CONTAINER } from './https/upload-address.ts'
export type { DeviceId, DeviceOrModule, ModuleId } from './ids.ts'
export { isDeviceId, isModuleId, parseDeviceId, parseModuleId } from './ids.ts'
export {
  BAG_CHARACTERS_MAX,
  BAG_PROPERTIES_MAX,
  COMMAND_BYTES_MAX,
  COMMAND_LIFE_MS,
  COMMAND_LIFE_MS_MAX,
  COMMAND_LIFE_MS_MIN,
  COMMAND_LOCK_MS,
  COMMAND_QUEUE_MAX,
  DELIVERY_COUNT_MAX,
  DELIVERY_COUNT_MAX_MAX,
  FEEDBACK_LIFE_MS,
  FEEDBACK_LOCK_MS,
  FEEDBACK_RECORDS_MAX,
  HOST_CHARACTERS_MAX,
  ID_CHARACTERS_MAX,
  ID_SCOPE_CHARACTERS_MAX,
  KEEP_ALIVE_SECONDS_MAX,
  MESSAGE_ID_CHARACTERS_MAX,
  METHOD_CONNECT_SECONDS_MAX,
  METHOD_PAYLOAD_BYTES_MAX,
  METHOD_RESPONSE_SECONDS,
  METHOD_RESPONSE_SECONDS_MAX,
  METHOD_RESPONSE_SECONDS_MIN,
  MODEL_ID_CHARACTERS_MAX,
  NAME_CHARACTERS_MAX,
  QUERY_PAGE_ITEMS,
  QUERY_PAGE_ITEMS_MAX,
  REGISTRY_BULK_MAX,
  REQUEST_ID_CHARACTERS_MAX,
  SUBSCRIPTIONS_MAX,
  TELEMETRY_BYTES_MAX,
  TOPIC_CHARACTERS_MAX,
  TWIN_DEPTH_MAX,
  TWIN_DESIRED_BYTES_MAX,
  TWIN_INTEGER_MAX,
  TWIN_INTEGER_MIN,
  TWIN_KEY_BYTES_MAX,
  TWIN_PROPERTIES_MAX,
  TWIN_REPORTED_BYTES_MAX,
  TWIN_STRING_BYTES_MAX,
  TWIN_TAGS_BYTES_MAX,
  UPLOADS_MAX,
  USER_NAME_CHARACTERS_MAX,
} from './limits.ts'
export type { MessageProperties, SystemPropertyKey, SystemPropertyName } from './message-properties.ts'
export { readMessageProperties, RETAIN_PROPERTY, SYSTEM_PROPERTIES, WILL_PROPERTY } from './message-properties.ts'
export type { BagEntry } from './property-bag.ts'
export { formatBag, isWellFormedBag, parseBag } from './property-bag.ts'
export type { PublishTopic } from './publish-topic.ts'
export { eventsTopicPrefix, parsePublishTopic, telemetryBag } from './publish-topic.ts'
export type { QueryErrorCode, QueryPosition } from './query/errors.ts'
export { QueryError } from './query/errors.ts'
export { parseQuery } from './query/parser.ts'
export type {
  AggregateName,
  Arithmetic,
  Comparison,
  Expression,
  FunctionName,
  GroupColumn,
  NumberFunctionName,
  Path,
  PathColumn,
  Query,
  QuerySource,
  Scalar,
  Selection,
  TextFunctionName,
  TextTestName,
  TypeTestName,
} from './query/syntax.ts'
export { applyTextFunction } from './query/text-functions.ts'
export { TWIN_FIELDS } from './query/vocabulary.ts'
export type { RestError, RestErrorCode, RestErrorResponse } from './rest-error.ts'
export { ERROR_CODE_HEADER, formatMethodError, formatRestError, formatTwinError, REST_ERRORS } from './rest-error.ts'
export type { SubscriptionTopic } from './subscription.ts'
export {
  formatCertificateResponseTopic,
  formatDesiredPatchTopic,
  formatDeviceboundTopic,
  formatInputTopic,
  formatMethodTopic,
  formatTwinResponseTopic,
  parseSubscription,
} from './subscription.ts'
export type { SectionTree, WriteStamp } from './twin/section-merge.ts'
export { mergeSection, newSection, replacementPatch } from './twin/section-merge.ts'
export { checkSection, isWithin, sectionBytes } from './twin/section-rules.ts'
export type { Twin, TwinSection } from './twin/twin.ts'
export type { TwinView } from './twin/twin-document.ts'
export { formatDesiredPatch, formatDeviceTwin, formatTwin } from './twin/twin-document.ts'
export { parseTwinJson } from './twin/twin-json.ts'
export type { SectionChange, ServiceTwinChange } from './twin/twin-request.ts'
export { readReportedPatch, readTwinPatch, readTwinReplacement } from './twin/twin-request.ts'
export type { TwinObject, TwinValue } from './twin/twin-value.ts'
export { isTwinObject, propertyOf } from './twin/twin-value.ts'
export type { HubUserName, ProvisioningUserName, UserName } from './user-name.ts'
export { parseClientId, parseUserName } from './user-name.ts'
