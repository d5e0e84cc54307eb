/** What a device asks of the hub by publishing, apart from telemetry. The core answers. */

import type { PublishTopic } from '@holdfast/iothub'

export type DeviceRequest = Exclude<PublishTopic, { readonly kind: 'telemetry' }>
