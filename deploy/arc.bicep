metadata description = 'The Key Vault extension on an Azure Arc machine. Its identity can read the vault\'s secrets already.'

@description('The Arc machine, in this resource group.')
param machineName string

@description('The certificates: objects with a url, and where wanted a store, ACLs, outputs and reactions (docs/settings.md).')
@minLength(1)
param observedCertificates array

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

resource machine 'Microsoft.HybridCompute/machines@2024-07-10' existing = {
  name: machineName
}

resource extension 'Microsoft.HybridCompute/machines/extensions@2024-07-10' = {
  parent: machine
  name: extensionType
  location: location
  properties: {
    publisher: publisher
    type: extensionType
    typeHandlerVersion: typeHandlerVersion
    autoUpgradeMinorVersion: true
    settings: union(settings, extraSettings)
  }
}
