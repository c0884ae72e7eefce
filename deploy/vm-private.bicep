metadata description = 'A new virtual machine with an identity of its own, the right to read the vault\'s secrets, a private endpoint of the vault, and the Key Vault extension after all of them.'

@description('The name of the new virtual machine.')
param vmName string

@description('The vault, in this resource group, with Azure role-based access control.')
param vaultName string

@description('The virtual network, in this resource group.')
param virtualNetworkName string

@description('Its subnet.')
param subnetName string

@description('Whether the vault gets a private endpoint in the subnet; false where it has one, or is reached in public.')
param privateEndpoint bool = true

@description('The private zone of the cloud\'s vaults.')
param privateDnsZoneName string = 'privatelink.vaultcore.azure.net'

@description('The name of the new identity.')
param identityName string = '${vmName}-certificates'

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

// Key Vault Secrets User
var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
var settings = {
  secretsManagementSettings: {
    pollingIntervalInS: string(pollingIntervalInS)
    requireInitialSync: requireInitialSync
    observedCertificates: observedCertificates
  }
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' existing = {
  name: virtualNetworkName
}

resource subnet 'Microsoft.Network/virtualNetworks/subnets@2024-05-01' existing = {
  parent: network
  name: subnetName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: identityName
  location: location
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, identity.id, secretsUser)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2020-06-01' = if (privateEndpoint) {
  name: privateDnsZoneName
  location: 'global'
}

resource zoneLink 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = if (privateEndpoint) {
  parent: zone
  name: virtualNetworkName
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = if (privateEndpoint) {
  name: '${vaultName}-vault'
  location: location
  properties: {
    subnet: {
      id: subnet.id
    }
    privateLinkServiceConnections: [
      {
        name: 'vault'
        properties: {
          privateLinkServiceId: vault.id
          groupIds: [
            'vault'
          ]
        }
      }
    ]
  }
}

resource zoneGroup 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = if (privateEndpoint) {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: 'vault'
        properties: {
          privateDnsZoneId: zone.id
        }
      }
    ]
  }
}

resource nic 'Microsoft.Network/networkInterfaces@2024-05-01' = {
  name: '${vmName}-nic'
  location: location
  properties: {
    ipConfigurations: [
      {
        name: 'primary'
        properties: {
          subnet: {
            id: subnet.id
          }
          privateIPAllocationMethod: 'Dynamic'
        }
      }
    ]
  }
}

resource vm 'Microsoft.Compute/virtualMachines@2024-07-01' = {
  name: vmName
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    hardwareProfile: {
      vmSize: vmSize
    }
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
      computerName: vmName
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
      networkInterfaces: [
        {
          id: nic.id
        }
      ]
    }
  }
}

// Access and the way to the vault come first: the extension's success may depend on them.
resource extension 'Microsoft.Compute/virtualMachines/extensions@2024-07-01' = {
  parent: vm
  name: extensionType
  location: location
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
  dependsOn: [
    access
    zoneLink
    zoneGroup
  ]
}
