/** The words of each target's language. */

/** Words divided by blanks, for those that hold none. */
function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

/** Encodings that decoders get wrong: overlong, surrogate, too large, broken off, byte order mark, controls. */
export const TEXT_WORDS = [...words('%00 %C0%80 %ED%A0%80 %F4%90%80%80 %2 % € 😀'), '\u{feff}', '\0', '\n']

const JSON_WORDS = words(String.raw`{ } [ ] ": , null true -0 1e999 "\u0000" "\ud800" "__proto__":`)
const TOKEN_WORDS = [
  'SharedAccessSignature ',
  ...words('sr= &sig= &se= &skn= registration hub.example %2Fdevices%2F /modules/'),
]
const TOPIC_WORDS = words('devices/ /messages/events/ /modules/ $iothub/ twin/ methods/ ?$rid= &$version= $.')
const DPS_WORDS = words(`
  registrationId enrollmentGroupId attestation symmetricKey primaryKey secondaryKey x509 tpm clientCertificates
  signingCertificates caReferences primary certificate thumbprint payload csr initialTwin tags properties desired
  provisioningStatus reprovisionPolicy allocationPolicy capabilities iotEdge iotHubs deviceId etag mode enrollments
  createdDateTimeUtc
`)

/** By target; a target without a row gets `TEXT_WORDS`. */
export const DICTIONARIES: Readonly<Record<string, readonly string[]>> = {
  mqtt: ['MQTT', '\x00\x04MQTT\x04', '+', '#', '/', '$', '\x00\x01'],
  front: [...TOPIC_WORDS, 'pump', 'devicebound/#', '$iothub/twin/res/#', '$iothub/methods/POST/#', '+'],
  'carried-in-mqtt': [...TOKEN_WORDS, ...TOPIC_WORDS, ...TEXT_WORDS, '$dps/registrations/', 'api-version='],
  'sas-token': [...TOKEN_WORDS, ...TEXT_WORDS],
  'connection-string': words(
    'HostName= ;DeviceId= ;ModuleId= ;SharedAccessKey= ;SharedAccessKeyName= ;x509=true ;GatewayHostName= Endpoint=sb://',
  ),
  'property-bag': [...words('$.mid $.ct $.ce $.to $.on %24. iothub- & ='), ...TEXT_WORDS],
  'publish-topic': [...TOPIC_WORDS, ...TEXT_WORDS],
  'user-name': [...words('/? api-version= &model-id= DeviceClientType= /registrations/'), ...TEXT_WORDS],
  'tlog-note': ['\n\n— ', 'log.example', '\n', ' ', ...TEXT_WORDS],
  'tlog-proof': ['c2sp.org/tlog-proof@v1', 'extra ', 'index ', '\n\n— ', '\n'],
  'tlog-witness-request': ['old ', '\n\n', '\n\n— ', 'log.example', '\n', '0', '7'],
  'tlog-tile-path': words('tile/ entries x000/ .p/ 000 255 256'),
  'api-json': [...JSON_WORDS, '"a":', '9007199254740993', '\\"', ...TEXT_WORDS],
  'audit-bundle-line': [
    ...words('"kind":"entry" "index": "leaf": "body": "opening": "content":"shredded" "note":'),
    ...JSON_WORDS,
  ],
  'audit-bundle': [...words('"kind":"end","entries": "index": "content":"shredded" "body":'), '\n'],
  'dps-register': [...DPS_WORDS, ...JSON_WORDS],
  'tpm-event-log': [
    'Spec ID Event03\0',
    'StartupLocality\0\x03',
    '\x0b\0\x20\0',
    '\x04\0\x14\0',
    '\x03\0\0\0',
    '\x04\0\0\0',
  ],
  'attestation-log': ['Spec ID Event03\0', 'StartupLocality\0\x03', '\x0b\0\x20\0', '\x03\0\0\0', '\x0d\0\0\0'],
  'tpm-attest': ['\xffTCG\x80\x18', '\x80\x17', '\0\x0b\x03', '\0\x22\0\x0b'],
  'reference-values': [
    ...words('format name serial events pcrs denied models notAfter digests digest optional tpmFirmware sha256 sha384'),
    ...JSON_WORDS,
  ],
  'dps-enrollment': [...DPS_WORDS, ...JSON_WORDS],
  'dps-query': [' ', ...words("SELECT * FROM WHERE AND OR NOT IN [ ] ( ) ' != <= registrations"), ...DPS_WORDS],
  'twin-query': [
    ' ',
    ...words(
      'SELECT TOP * FROM devices .modules .jobs WHERE GROUP BY AND OR NOT IN NIN AS [ ] [[ ]] ( ) , . \' " \\u00e9',
    ),
    ...words('= != <> <= >= + - * / % 0x1f 1e9 true null undefined tags. properties. desired. $version deviceId'),
    ...words('COUNT() SUM( AVG( IS_DEFINED( STARTSWITH( CONCAT( SUBSTRING('),
  ],
  twin: [
    ...words('tags properties desired reported $version $metadata 4503599627370496 1e400 . $ a'),
    ...JSON_WORDS,
    ...TEXT_WORDS,
  ],
  'telemetry-batch': [
    ...words('body base64Encoded properties iothub-app- iothub-messageid iothub-expiry YQ=='),
    ...JSON_WORDS,
  ],
  'telemetry-headers': [...words('iothub-app- iothub-to dt-subject iothub-expiry'), ': ', ...TEXT_WORDS],
  'block-list': words(
    '<?xml version="1.0"?> <BlockList> </BlockList> <BlockList/> <Latest> </Latest> <Committed> </Committed> QQ== <!-- <!DOCTYPE',
  ),
  'blob-query': words('sv= &sr=b &si= &sp=w &se= &sig= &comp=block &blockid= %2B +'),
  'upload-notification': [...words('correlationId isSuccess statusCode statusDescription'), ...JSON_WORDS],
  'dps-topic': [...words('$dps/registrations/ PUT/ GET/ iotdps- ?$rid= &operationId= api-version='), ...TEXT_WORDS],
  'certificate-input': ['-----BEGIN CERTIFICATE-----\n', '\n-----END CERTIFICATE-----', '==', '\r\n'],
  certificate: [],
  'certification-request': [],
  'telemetry-records': [],
  'telemetry-page': [],
  'telemetry-sealed': [],
}
