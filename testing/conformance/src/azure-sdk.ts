/**
 * The official packages, unmodified. They are CommonJS and their exports cannot be named by `import`, so they are taken
 * whole and named here once.
 */

import azureDevice from 'azure-iot-device'
import azureDeviceHttp from 'azure-iot-device-http'
import azureDeviceMqtt from 'azure-iot-device-mqtt'
import azureProvisioningDevice from 'azure-iot-provisioning-device'
import azureProvisioningHttp from 'azure-iot-provisioning-device-http'
import azureProvisioningMqtt from 'azure-iot-provisioning-device-mqtt'
import azureProvisioningService from 'azure-iot-provisioning-service'
import azureSymmetricKey from 'azure-iot-security-symmetric-key'
import azureX509 from 'azure-iot-security-x509'
import azureIothub from 'azure-iothub'

export const { Client, Message, ModuleClient, SharedAccessSignatureAuthenticationProvider } = azureDevice
export type Client = InstanceType<typeof Client>
export type Message = InstanceType<typeof Message>
export type ModuleClient = InstanceType<typeof ModuleClient>

export const { Http } = azureDeviceHttp
export const { Mqtt, MqttWs } = azureDeviceMqtt
export const { ProvisioningDeviceClient } = azureProvisioningDevice
export const { Mqtt: ProvisioningMqtt, MqttWs: ProvisioningMqttWs } = azureProvisioningMqtt
export const { Http: ProvisioningHttp } = azureProvisioningHttp
export const { ProvisioningServiceClient } = azureProvisioningService
export type ProvisioningServiceClient = InstanceType<typeof ProvisioningServiceClient>
export const { SymmetricKeySecurityClient } = azureSymmetricKey
export const { X509Security } = azureX509

export const { Client: ServiceClient, Registry } = azureIothub
export type ServiceClient = InstanceType<typeof ServiceClient>
export type Registry = InstanceType<typeof Registry>
