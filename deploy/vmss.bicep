metadata description = 'A new scale set whose machines get their certificates first, and then what needs them.'

@description('The name of the new scale set.')
param vmssName string

@description('How many machines.')
@minValue(0)
param instanceCount int = 2

@description('The virtual network, in this resource group.')
param virtualNetworkName string

@description('Its subnet.')
param subnetName string

@description('The identity, in this resource group, that can read the vault\'s secrets already.')
param identityName string

@description('What runs on each machine once every certificate is there.')
param commandToExecute string

@description('The administrator\'s name.')
param adminUsername string = 'azureuser'

@description('The administrator\'s public key.')
param sshPublicKey string

@description('The size.')
param vmSize string = 'Standard_D2s_v5'

@description('The image: any Linux with glibc 2.17 or later.')
param image object = {
  publisher: 'Canonical'
  offer: 'ubuntu-24_04-lts'
  sku: 'server'
  version: 'latest'
}

@description('The certificates: objects with a url, and where wanted a store, ACLs, outputs and reactions (docs/settings.md).')
@minLength(1)
param observedCertificates array

@description('Seconds between two looks at the vaults.')
@minValue(60)
param pollingIntervalInS int = 3600

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
    // What waits for the certificates depends on it.
    requireInitialSync: true
    observedCertificates: observedCertificates
  }
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityName
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' existing = {
  name: virtualNetworkName
}

resource subnet 'Microsoft.Network/virtualNetworks/subnets@2024-05-01' existing = {
  parent: network
  name: subnetName
}

resource vmss 'Microsoft.Compute/virtualMachineScaleSets@2024-07-01' = {
  name: vmssName
  location: location
  sku: {
    name: vmSize
    capacity: instanceCount
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    orchestrationMode: 'Uniform'
    overprovision: false
    upgradePolicy: {
      mode: 'Automatic'
    }
    virtualMachineProfile: {
      storageProfile: {
        imageReference: image
        osDisk: {
          createOption: 'FromImage'
          managedDisk: {
            storageAccountType: 'StandardSSD_LRS'
          }
        }
      }
      osProfile: {
        computerNamePrefix: vmssName
        adminUsername: adminUsername
        linuxConfiguration: {
          disablePasswordAuthentication: true
          ssh: {
            publicKeys: [
              {
                path: '/home/${adminUsername}/.ssh/authorized_keys'
                keyData: sshPublicKey
              }
            ]
          }
        }
      }
      networkProfile: {
        networkInterfaceConfigurations: [
          {
            name: 'primary'
            properties: {
              primary: true
              ipConfigurations: [
                {
                  name: 'primary'
                  properties: {
                    subnet: {
                      id: subnet.id
                    }
                  }
                }
              ]
            }
          }
        ]
      }
      extensionProfile: {
        // A first sync gives up after 80 minutes, the guest agent's wait after 90.
        extensionsTimeBudget: 'PT90M'
        extensions: [
          {
            name: extensionType
            properties: {
              publisher: publisher
              type: extensionType
              typeHandlerVersion: typeHandlerVersion
              autoUpgradeMinorVersion: true
              settings: union(
                settings,
                { authenticationSettings: { msiClientId: identity.properties.clientId } },
                extraSettings
              )
            }
          }
          {
            name: 'CustomScript'
            properties: {
              provisionAfterExtensions: [
                extensionType
              ]
              publisher: 'Microsoft.Azure.Extensions'
              type: 'CustomScript'
              typeHandlerVersion: '2.1'
              autoUpgradeMinorVersion: true
              settings: {
                commandToExecute: commandToExecute
              }
            }
          }
        ]
      }
    }
  }
}
