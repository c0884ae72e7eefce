metadata description = 'The Key Vault extension on a virtual machine that exists. Its identity can read the vault\'s secrets already.'

@description('The virtual machine, in this resource group.')
param vmName string

@description('The certificates: objects with a url, and where wanted a store, ACLs, outputs and reactions (docs/settings.md).')
@minLength(1)
param observedCertificates array

@description('Client id of the identity that reads the vaults. Needed where the machine has several.')
param msiClientId string = ''

@description('Seconds between two looks at the vaults.')
@minValue(60)
param pollingIntervalInS int = 3600

@description('Whether the deployment waits until every certificate is on the machine.')
param requireInitialSync bool = true

@description('Further sections of the settings, such as loggingSettings.')
param extraSettings object = {}

@description('The publisher under which the extension is registered.')
param publisher string = 'OpenKeyVault'

@description('The extension\'s registered type.')
param extensionType string = 'KeyVaultForLinux'

@description('Major and minor version; Azure takes the newest build of it.')
param typeHandlerVersion string = '0.1'

@description('Where the machine is.')
param location string = resourceGroup().location

var settings = {
  secretsManagementSettings: {
    pollingIntervalInS: string(pollingIntervalInS)
    requireInitialSync: requireInitialSync
    observedCertificates: observedCertificates
  }
}
var identity = empty(msiClientId) ? {} : { authenticationSettings: { msiClientId: msiClientId } }

resource vm 'Microsoft.Compute/virtualMachines@2024-07-01' existing = {
  name: vmName
}

resource extension 'Microsoft.Compute/virtualMachines/extensions@2024-07-01' = {
  parent: vm
  name: extensionType
  location: location
  properties: {
    publisher: publisher
    type: extensionType
    typeHandlerVersion: typeHandlerVersion
    autoUpgradeMinorVersion: true
    settings: union(settings, identity, extraSettings)
  }
}
