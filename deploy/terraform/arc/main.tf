# The Key Vault extension on an Azure Arc machine.

terraform {
  required_version = ">= 1.5"

  required_providers {
    azapi = {
      source  = "Azure/azapi"
      version = "~> 2.0"
    }
  }
}

resource "azapi_resource" "key_vault" {
  type      = "Microsoft.HybridCompute/machines/extensions@2024-07-10"
  name      = var.extension_type
  parent_id = var.machine_id
  location  = var.location

  body = {
    properties = {
      publisher               = var.publisher
      type                    = var.extension_type
      typeHandlerVersion      = var.type_handler_version
      autoUpgradeMinorVersion = true
      settings                = local.settings
    }
  }

  timeouts {
    # A first sync may take 80 minutes.
    create = "100m"
    update = "100m"
  }
}
