export { backOffMs, retryAfterMs } from './back-off.ts'
export type { DeliveryInput, DeliveryOptions, DeliveryOutput, SetAside } from './delivery.ts'
export { Delivery } from './delivery.ts'
export {
  HEADER_CHARACTERS_MAX,
  HEADERS_MAX,
  OVERLAP_MS,
  OVERLAP_MS_MAX,
  PEM_CHARACTERS_MAX,
  SECRET_BYTES,
  SINKS_MAX,
} from './limits.ts'
export type { Origin } from './origin.ts'
export type { HttpAnswer, Outcome } from './outcome.ts'
export { judgeOtlp, judgeWebhook, plainReason } from './outcome.ts'
export { otlpMessage } from './otlp.ts'
export { severityOf } from './severity.ts'
export { formatSecret, newSecret, rotated, signingNow } from './signing-secrets.ts'
export type {
  SigningSecret,
  Sink,
  SinkExpectation,
  SinkKind,
  SinkSecrets,
  SinkStore,
  StoredSetAside,
  StoredSink,
} from './sink.ts'
export { SINK_KINDS } from './sink.ts'
export { syslogFrame } from './syslog-form.ts'
export type { HttpMessage } from './webhook.ts'
export { webhookMessage } from './webhook.ts'
